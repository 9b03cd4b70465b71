"""The ELBO by the sticking-the-landing gradient.

make train EXP=mnist_stl
"""

from experiments._one_layer import one_layer


def get_config():
    return one_layer("stl")
