"""Beta-TC-VAE: the total correlation weighted by 6.

make train EXP=mnist_tc
"""

from ._one_layer import one_layer


def get_config():
    return one_layer("total_correlation", beta=6.0)
