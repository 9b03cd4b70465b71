"""Two affine coupling layers as the posterior of the one-layer network; splines by a flag.

make train EXP=mnist_coupling

107 s of training on one of two CPU cores and 76 s of evaluation; L_1000 = -89.58 nats, ELBO -94.57 nats, active units
25 of 50.

Splines: make train EXP=mnist_coupling ARGS=--config.model.posterior.name=spline_coupling
"""

from vaex.config import POSTERIORS, section

from ._muon import two_minutes
from ._one_layer import one_layer


def get_config():
    config = two_minutes(one_layer("elbo"), num_epochs=32)
    config.model.posterior = section(POSTERIORS, "affine_coupling", num_flows=2, hidden=(128,), activation="tanh")
    return config
