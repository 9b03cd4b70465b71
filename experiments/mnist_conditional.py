"""A conditional VAE: dynamically binarized MNIST given the label, with a learned p(z|label).

make train EXP=mnist_conditional

155 s of training on one of two CPU cores; L_1000 = -87.93 nats, ELBO -91.93 nats, active units 20 of 20.
"""

from vaex.config import default_config


def get_config():
    config = default_config()
    config.data.binarize = "dynamic"
    config.data.condition = "label"
    config.data.num_classes = 10
    config.model.kind = "conditional"
    config.model.latent_dim = 20
    config.optimizer.final_learning_rate = 1e-5
    config.train.num_epochs = 30
    config.train.eval_every = 3
    config.evaluate.num_samples = 1000
    return config
