"""Two latents, for the picture of the manifold.

make train EXP=mnist_2d

70 s of training on two CPU cores; L_100 = -139.05 nats, ELBO -141.14 nats, active units 2 of 2.
"""

from vaex.config import default_config


def get_config():
    config = default_config()
    config.data.binarize = "dynamic"
    config.model.latent_dim = 2
    config.model.encoder_hidden = config.model.decoder_hidden = (500, 200)
    config.optimizer.final_learning_rate = 1e-5
    config.train.num_epochs = 30
    return config
