"""IWAE's table 1, two layers, k = 1: the ELBO by stl, trained by muon.

make train EXP=mnist_two_layers_k1
"""

from ._one_layer import by_muon
from ._two_layers import two_layers


def get_config():
    return by_muon(two_layers("hierarchy", "stl"), num_epochs=560, eval_every=20)
