"""A flow for p(z), four affine coupling layers, in the network of mnist_elbo.

make train EXP=mnist_flow_prior

126 s of training on one of two CPU cores and 97 s of evaluation; L_1000 = -86.85 nats, ELBO -90.47 nats, active units
39 of 50.
"""

from vaex.config import PRIORS, section

from ._muon import two_minutes
from ._one_layer import one_layer


def get_config():
    config = two_minutes(one_layer("elbo"), num_epochs=36, learning_rate=2e-2)
    config.model.prior = section(PRIORS, "flow", num_flows=4, hidden=(128,), activation="tanh")
    return config
