"""M1: a VAE of all images, and a support vector machine on the latents of the 100 with a label.

make train EXP=mnist_m1

108 s of training on one of two CPU cores; 82.8% of test labels, L_100 = -96.60 nats, ELBO -100.17 nats, active units 26
of 50.
"""

from vaex.config import MODELS, NETWORKS, RATES, default_config, section


def get_config():
    config = default_config()
    config.data.binarize = "dynamic"
    config.data.num_labels = 100
    network = section(NETWORKS, "mlp", encoder_hidden=(500, 500), decoder_hidden=(500, 500))
    config.model = section(MODELS, "vae", latent_dim=50, network=network)
    config.train.learning_rate = section(RATES, "cosine", final=1e-4)
    config.train.batch_size = 100
    config.train.num_epochs = 12
    config.train.eval_every = 6
    return config
