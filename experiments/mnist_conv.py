"""A convolutional encoder and decoder on dynamically binarized MNIST, 50 latents.

make train EXP=mnist_conv

107 s of training on one of two CPU cores; L_100 = -92.70 nats, ELBO -98.25 nats, active units 50 of 50.
"""

from vaex.config import MODELS, NETWORKS, RATES, default_config, section


def get_config():
    config = default_config()
    config.data.binarize = "dynamic"
    network = section(
        NETWORKS,
        "conv",
        channels=(16, 32),
        encoder_hidden=(200,),
        decoder_hidden=(200,),
        activation="elu",  # relu collapses from the start, unless the posterior starts narrow
    )
    config.model = section(MODELS, "vae", latent_dim=50, network=network)
    config.optimizer.learning_rate = 2e-3
    config.train.learning_rate = section(RATES, "cosine", final=1e-4)
    config.train.clip_norm = 100.0
    config.train.max_skipped = 10
    config.train.batch_size = 100
    config.train.num_epochs = 4
    return config
