"""IWAE's table 1, one layer, k = 50: the importance-weighted bound by dreg, trained by muon.

make train EXP=mnist_one_layer_k50
"""

from ._one_layer import by_muon, one_layer


def get_config():
    return by_muon(one_layer("dreg", num_samples=50), num_epochs=48, eval_every=4)
