"""The next frame given the three before: two of MNIST's digits that move and bounce off the walls, 32 x 32 pixels.

make train EXP=mnist_frames

278 s of training on one of two CPU cores and 131 s of evaluation; L_100 = -104.30 nats, ELBO -104.53 nats, active units
2 of 16.
"""

from vaex.config import MODELS, NETWORKS, RATES, default_config, section


def get_config():
    config = default_config()
    config.data.name = "bouncing:mnist"
    config.data.condition = "previous"
    config.data.binarize = "threshold"
    network = section(NETWORKS, "mlp", encoder_hidden=(500,), decoder_hidden=(500, 500))
    config.model = section(MODELS, "vae", latent_dim=16, network=network)
    config.train.learning_rate = section(RATES, "cosine", final=1e-5)
    config.train.num_epochs = 8
    config.train.eval_every = 4
    return config
