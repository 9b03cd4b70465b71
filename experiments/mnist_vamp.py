"""The VampPrior with 100 pseudo-inputs in the network of mnist_stl.

make train EXP=mnist_vamp

131 s of training on one of two CPU cores and 90 s of evaluation; L_1000 = -85.89 nats, ELBO -89.31 nats, active units
21 of 50.
"""

from vaex.config import PRIORS, section

from ._muon import two_minutes
from ._one_layer import one_layer


def get_config():
    config = two_minutes(one_layer("stl"), num_epochs=39)
    config.model.prior = section(PRIORS, "vamp", num_components=100)
    return config
