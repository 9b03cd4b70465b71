"""The importance-weighted bound of K=5; of K=50 with ARGS=--config.objective.num_samples=50.

make train EXP=mnist_iwae

103 s of training on two CPU cores; L_5000 = -92.18 nats, test ELBO -99.87, 29 active units.
"""

from ._one_layer import one_layer


def get_config():
    return one_layer("iwae", num_samples=5)
