"""Beta-VAE with beta = 4.

make train EXP=mnist_beta
"""

from ._one_layer import one_layer


def get_config():
    return one_layer("elbo", beta=4.0)
