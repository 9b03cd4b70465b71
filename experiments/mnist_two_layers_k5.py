"""IWAE's table 1, two layers, k = 5: the importance-weighted bound by dreg, trained by muon.

make train EXP=mnist_two_layers_k5
"""

from ._one_layer import by_muon
from ._two_layers import two_layers


def get_config():
    return by_muon(two_layers("hierarchy", "dreg", num_samples=5), num_epochs=165, eval_every=5)
