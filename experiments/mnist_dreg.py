"""The importance-weighted bound of K=5 by the doubly reparameterized gradient.

make train EXP=mnist_dreg
"""

from experiments._one_layer import one_layer


def get_config():
    return one_layer("dreg", num_samples=5)
