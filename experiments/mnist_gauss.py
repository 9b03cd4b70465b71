"""A Gaussian likelihood with one learned sigma for each pixel, on dequantized MNIST.

make train EXP=mnist_gauss

68 s of training on two CPU cores; 5.52 bits per dimension by the ELBO, 5.5 by L_100, active units 32 of 32.
"""

from vaex.config import LIKELIHOODS, MODELS, NETWORKS, RATES, default_config, section


def get_config():
    config = default_config()
    config.model = section(
        MODELS,
        "vae",
        latent_dim=32,
        network=section(NETWORKS, "mlp", encoder_hidden=(500, 500), decoder_hidden=(500, 500)),
        likelihood=section(LIKELIHOODS, "gaussian_pixel"),
    )
    config.train.learning_rate = section(RATES, "cosine", final=1e-5)
    config.train.num_epochs = 15
    return config
