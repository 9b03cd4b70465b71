"""Frey Face, 1,965 photographs of one face: Kingma and Welling's network, with one learned sigma for each pixel.

make train EXP=frey_gauss

46 s of training on two CPU cores; 5.39 bits per dimension by the ELBO, active units 10 of 10.
"""

from vaex.config import LIKELIHOODS, MODELS, NETWORKS, RATES, default_config, section


def get_config():
    config = default_config()
    config.data.name = "frey_face"
    config.data.num_validation = 100
    config.model = section(
        MODELS,
        "vae",
        latent_dim=10,
        network=section(NETWORKS, "mlp", encoder_hidden=(200,), decoder_hidden=(200,), activation="tanh"),
        likelihood=section(LIKELIHOODS, "gaussian_pixel"),
    )
    config.train.learning_rate = section(RATES, "cosine", final=1e-5)
    config.train.batch_size = 100
    config.train.num_epochs = 1000
    config.train.eval_every = 20
    config.evaluate.num_samples = 1000
    return config
