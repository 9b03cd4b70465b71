"""A conditional VAE: dynamically binarized MNIST given the label, with a learned p(z|label).

make train EXP=mnist_conditional

155 s of training on one of two CPU cores; L_1000 = -87.93 nats, ELBO -91.93 nats, active units 20 of 20.
"""

from vaex.config import MODELS, RATES, default_config, section


def get_config():
    config = default_config()
    config.data.binarize = "dynamic"
    config.data.condition = "label"
    config.model = section(MODELS, "vae", latent_dim=20)
    config.train.learning_rate = section(RATES, "cosine", final=1e-5)
    config.train.num_epochs = 30
    config.train.eval_every = 3
    config.evaluate.num_samples = 1000
    return config
