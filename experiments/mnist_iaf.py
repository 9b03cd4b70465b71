"""An inverse autoregressive flow as the posterior of the one-layer network: two steps, 32 wide.

make train EXP=mnist_iaf

121 s of training on one of two CPU cores and 75 s of evaluation; L_1000 = -88.11 nats, ELBO -92.28 nats, active units
22 of 50.
"""

from vaex.config import POSTERIORS, section

from ._muon import two_minutes
from ._one_layer import one_layer


def get_config():
    config = two_minutes(one_layer("elbo"), num_epochs=39)
    config.model.posterior = section(POSTERIORS, "iaf", num_flows=2, hidden=(32,), activation="tanh")
    return config
