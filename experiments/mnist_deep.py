"""A deep top-down model of dynamically binarized MNIST: layers of latent maps at 7x7 and at 14x14.

make train EXP=mnist_deep

317 s of training on one of two CPU cores; L_10 = -96.62 nats, ELBO -99.55 nats, active units 0 of 784 + 45 of 196 + 0
of 196 + 48 of 196.
"""

from vaex.config import MODELS, RATES, default_config, section


def get_config():
    config = default_config()
    config.data.binarize = "dynamic"
    config.model = section(MODELS, "deep", channels=(16, 32), num_blocks=(1, 3), latent_dim=4, activation="elu")
    config.optimizer.learning_rate = 3e-3
    config.train.learning_rate = section(RATES, "cosine", final=1e-4)
    config.train.clip_norm = 200.0
    config.train.max_skipped = 10
    config.train.batch_size = 100
    config.train.num_epochs = 2
    config.train.eval_every = 2
    config.evaluate.num_samples = 10
    config.evaluate.chunk_size = 50
    return config
