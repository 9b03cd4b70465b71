"""Two latents, for the picture of the manifold.

make train EXP=mnist_2d

70 s of training on two CPU cores; L_100 = -139.05 nats, ELBO -141.14 nats, active units 2 of 2.
"""

from vaex.config import MODELS, NETWORKS, RATES, default_config, section


def get_config():
    config = default_config()
    config.data.binarize = "dynamic"
    network = section(NETWORKS, "mlp", encoder_hidden=(500, 200), decoder_hidden=(500, 200))
    config.model = section(MODELS, "vae", latent_dim=2, network=network)
    config.train.learning_rate = section(RATES, "cosine", final=1e-5)
    config.train.num_epochs = 30
    return config
