"""The lower half of dynamically binarized MNIST given the upper half; the likelihood is over the lower half alone.

make train EXP=mnist_inpaint

176 s of training on one of two CPU cores; L_1000 = -41.43 nats, ELBO -43.63 nats, active units 19 of 20.
"""

from vaex.config import MODELS, RATES, default_config, section


def get_config():
    config = default_config()
    config.data.binarize = "dynamic"
    config.data.condition = "half"
    config.model = section(MODELS, "vae", latent_dim=20)
    config.train.learning_rate = section(RATES, "cosine", final=1e-5)
    config.train.num_epochs = 30
    config.train.eval_every = 3
    config.evaluate.num_samples = 1000
    return config
