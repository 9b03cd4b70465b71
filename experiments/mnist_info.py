"""MMD-VAE: no KL, and the maximum mean discrepancy between q(z) and p(z) weighted by 500.

make train EXP=mnist_info
"""

from ._one_layer import one_layer


def get_config():
    return one_layer("info", alpha=1.0, strength=500.0)
