"""MMD-VAE: no KL, and the maximum mean discrepancy between q(z) and p(z) weighted by 500.

make train EXP=mnist_info

53 s of training on two CPU cores; L_5000 = -230.81 nats, ELBO -246.39 nats, active units 50 of 50.
"""

from ._one_layer import one_layer


def get_config():
    return one_layer("info", alpha=1.0, strength=500.0)
