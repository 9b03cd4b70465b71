"""Ten planar flows as the posterior of the one-layer network.

make train EXP=mnist_planar

145 s of training on one of two CPU cores and 78 s of evaluation; L_1000 = -90.26 nats, ELBO -94.09 nats, active units
35 of 50.
"""

from vaex.config import POSTERIORS, section

from ._muon import two_minutes
from ._one_layer import one_layer


def get_config():
    config = two_minutes(one_layer("elbo"), num_epochs=27, learning_rate=2e-2)
    config.model.posterior = section(POSTERIORS, "planar", num_flows=10)
    return config
