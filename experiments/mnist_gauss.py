"""A Gaussian likelihood with one learned sigma for each pixel, on dequantized MNIST.

make train EXP=mnist_gauss

99 s of training on two CPU cores and 22 s of evaluation; 5.114 bits per dimension by the ELBO, 5.074 by L_100, active
units 62 of 64.
"""

from vaex.config import LIKELIHOODS, MODELS, NETWORKS, POSTERIORS, RATES, default_config, section


def get_config():
    config = default_config()
    config.model = section(
        MODELS,
        "vae",
        latent_dim=64,
        network=section(NETWORKS, "mlp", encoder_hidden=(500, 500), decoder_hidden=(500, 500)),
        posterior=section(POSTERIORS, "diagonal", sigma=0.1),  # with 1, so many latents collapse from the start
        likelihood=section(LIKELIHOODS, "gaussian_pixel"),
    )
    config.optimizer.learning_rate = 1.5e-3
    config.train.learning_rate = section(RATES, "cosine", final=1e-5)
    config.train.num_epochs = 15
    return config
