"""An inverse autoregressive flow as the posterior of the one-layer network: two steps, 128 wide.

make train EXP=mnist_iaf

121 s of training on one of two CPU cores; L_1000 = -91.71 nats, ELBO -95.87 nats, active units 29 of 50.

In two minutes it is no better than mnist_elbo in the same time, in six it is: docs/experiments.md has both.
"""

from vaex.config import POSTERIORS, section

from ._one_layer import longer


def get_config():
    config = longer("elbo")
    config.model.posterior = section(POSTERIORS, "iaf", num_flows=2, hidden=(128,), activation="tanh")
    return config
