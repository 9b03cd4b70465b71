"""Two affine coupling layers as the posterior of the one-layer network; splines by a flag.

make train EXP=mnist_coupling

119 s of training on one of two CPU cores; L_1000 = -91.85 nats, ELBO -96.33 nats, active units 26 of 50.

Splines: make train EXP=mnist_coupling ARGS=--config.model.posterior.name=spline_coupling
"""

from vaex.config import POSTERIORS, section

from ._one_layer import longer


def get_config():
    config = longer("elbo")
    config.model.posterior = section(POSTERIORS, "affine_coupling", num_flows=2, hidden=(128,), activation="tanh")
    return config
