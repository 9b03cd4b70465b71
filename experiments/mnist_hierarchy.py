"""IWAE's two-layer network, 100 and 50 latents, with its bottom-up posterior, trained by stl.

make train EXP=mnist_hierarchy

97 s of training on two CPU cores and 110 s of evaluation; L_1000 = -92.01 nats, test ELBO -96.28, 100 + 8 active units.
"""

from experiments._two_layers import two_layers


def get_config():
    return two_layers("hierarchy", "stl")
