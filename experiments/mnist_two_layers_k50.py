"""IWAE's table 1, two layers, k = 50: the importance-weighted bound by dreg, trained by muon.

make train EXP=mnist_two_layers_k50

With so many draws batches of 200 take no longer than those of 1,000, and give five times as many updates.
"""

from ._one_layer import by_muon
from ._two_layers import two_layers


def get_config():
    config = two_layers("hierarchy", "dreg", num_samples=50)
    return by_muon(config, num_epochs=23, eval_every=1, batch_size=200, learning_rate=2e-2)
