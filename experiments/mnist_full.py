"""A posterior with full covariance, by a Cholesky factor, in the network of mnist_elbo.

make train EXP=mnist_full

125 s of training on one of two CPU cores and 83 s of evaluation; L_1000 = -91.43 nats, ELBO -95.93 nats, active units
23 of 50.
"""

from vaex.config import POSTERIORS, section

from ._muon import two_minutes
from ._one_layer import one_layer


def get_config():
    config = two_minutes(one_layer("elbo"), num_epochs=22)
    config.model.posterior = section(POSTERIORS, "full")
    return config
