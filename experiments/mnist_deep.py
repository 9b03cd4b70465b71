"""A deep top-down model of dynamically binarized MNIST: layers of latent maps at 7x7 and at 14x14.

make train EXP=mnist_deep

317 s of training on one of two CPU cores; L_10 = -96.62 nats, ELBO -99.55 nats, active units 0 of 784 + 45 of 196 + 0
of 196 + 48 of 196.
"""

from vaex.config import default_config


def get_config():
    config = default_config()
    config.data.binarize = "dynamic"
    config.model.kind = "deep"
    config.model.network = "residual"
    config.model.channels = (16, 32)
    config.model.num_blocks = (1, 3)
    config.model.latent_dim = 4
    config.model.activation = "elu"
    config.objective.kl = "sampled"
    config.optimizer.learning_rate = 3e-3
    config.optimizer.final_learning_rate = 1e-4
    config.optimizer.clip_norm = 200.0
    config.optimizer.max_skipped = 10
    config.train.batch_size = 100
    config.train.num_epochs = 2
    config.train.eval_every = 2
    config.evaluate.num_samples = 10
    config.evaluate.chunk_size = 50
    return config
