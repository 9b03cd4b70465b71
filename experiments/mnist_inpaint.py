"""The lower half of dynamically binarized MNIST given the upper half; the likelihood is over the lower half alone.

make train EXP=mnist_inpaint

176 s of training on one of two CPU cores; L_1000 = -41.43 nats, ELBO -43.63 nats, active units 19 of 20.
"""

from vaex.config import default_config


def get_config():
    config = default_config()
    config.data.binarize = "dynamic"
    config.data.condition = "half"
    config.model.kind = "conditional"
    config.model.latent_dim = 20
    config.optimizer.final_learning_rate = 1e-5
    config.train.num_epochs = 30
    config.train.eval_every = 3
    config.evaluate.num_samples = 1000
    return config
