"""The ELBO by the sticking-the-landing gradient.

make train EXP=mnist_stl

46 s of training on two CPU cores; L_5000 = -93.50 nats, ELBO -98.28 nats, active units 22 of 50.
"""

from ._one_layer import one_layer


def get_config():
    return one_layer("stl")
