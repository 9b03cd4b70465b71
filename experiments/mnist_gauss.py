"""A Gaussian likelihood with one learned sigma for each pixel, on dequantized MNIST.

make train EXP=mnist_gauss

68 s of training on two CPU cores; 5.52 bits per dimension by the ELBO, 5.5 by L_100, active units 32 of 32.
"""

from vaex.config import default_config


def get_config():
    config = default_config()
    config.model.latent_dim = 32
    config.model.encoder_hidden = config.model.decoder_hidden = (500, 500)
    config.model.likelihood = "gaussian_pixel"
    config.optimizer.final_learning_rate = 1e-5
    config.train.num_epochs = 15
    return config
