"""Latents on a sphere: three numbers of length 1, uniform in the prior, and a map of all images that they make.

make train EXP=mnist_sphere

397 s of training on one of two CPU cores and 50 s of evaluation; L_500 = -130.25 nats, ELBO -132.96 nats, active units
3 of 3.
"""

from vaex.config import MODELS, NETWORKS, POSTERIORS, default_config, section

from ._muon import by_muon


def get_config():
    config = default_config()
    config.data.binarize = "dynamic"
    network = section(NETWORKS, "mlp", encoder_hidden=(256, 128), decoder_hidden=(128, 256))
    posterior = section(POSTERIORS, "spherical", concentration=100.0)
    config.model = section(MODELS, "vae", latent_dim=3, network=network, posterior=posterior)
    config.evaluate.num_samples = 500
    return by_muon(config, num_epochs=100, learning_rate=2e-2, preconditioning="aol")
