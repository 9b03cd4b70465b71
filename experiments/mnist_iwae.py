"""The importance-weighted bound of K=5; of K=50 with ARGS=--config.objective.num_samples=50.

make train EXP=mnist_iwae

103 s of training on two CPU cores; L_5000 = -92.18 nats, ELBO -99.87 nats, active units 29 of 50.
"""

from ._one_layer import one_layer


def get_config():
    return one_layer("iwae", num_samples=5)
