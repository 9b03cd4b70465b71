"""The VampPrior with 100 pseudo-inputs in the network of mnist_stl.

make train EXP=mnist_vamp

114 s of training on one of two CPU cores; L_1000 = -90.54 nats, ELBO -94.26 nats, active units 17 of 50.
"""

from vaex.config import PRIORS, section

from ._one_layer import one_layer


def get_config():
    config = one_layer("stl")
    config.model.prior = section(PRIORS, "vamp", num_components=100)
    config.train.num_epochs = 26
    config.evaluate.num_samples = 1000
    return config
