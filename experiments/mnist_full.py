"""A posterior with full covariance, by a Cholesky factor, in the network of mnist_elbo.

make train EXP=mnist_full

167 s of training on one of two CPU cores; L_1000 = -91.98 nats, ELBO -96.25 nats, active units 40 of 50.
"""

from vaex.config import POSTERIORS, section

from ._one_layer import longer


def get_config():
    config = longer("elbo")
    config.model.posterior = section(POSTERIORS, "full")
    return config
