"""A convolutional encoder and decoder on dynamically binarized MNIST, 50 latents.

make train EXP=mnist_conv

107 s of training on one of two CPU cores; L_100 = -92.70 nats, ELBO -98.25 nats, active units 50 of 50.
"""

from vaex.config import default_config


def get_config():
    config = default_config()
    config.data.binarize = "dynamic"
    config.model.latent_dim = 50
    config.model.network = "conv"
    config.model.channels = (16, 32)
    config.model.activation = "elu"  # with relu it collapses from the start
    config.model.encoder_hidden = config.model.decoder_hidden = (200,)
    config.optimizer.learning_rate = 2e-3
    config.optimizer.final_learning_rate = 1e-4
    config.optimizer.clip_norm = 100.0
    config.optimizer.max_skipped = 10
    config.train.batch_size = 100
    config.train.num_epochs = 4
    return config
