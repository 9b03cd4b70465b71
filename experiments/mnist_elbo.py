"""The ELBO with the closed-form KL: what the other objectives of this network are compared with.

make train EXP=mnist_elbo
"""

from experiments._one_layer import one_layer


def get_config():
    return one_layer("elbo")
