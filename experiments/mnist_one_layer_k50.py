"""IWAE's table 1, one layer, k = 50: the importance-weighted bound by dreg, trained by muon.

make train EXP=mnist_one_layer_k50

2,639 s of training on one of two CPU cores and 320 s of evaluation; L_5000 = -86.72 nats, ELBO -99.61 nats, active
units 24 of 50.

With so many draws batches of 200 take no longer than those of 1,000, and give five times as many updates.
"""

from ._muon import by_muon
from ._one_layer import one_layer


def get_config():
    config = one_layer("dreg", num_samples=50)
    return by_muon(config, num_epochs=34, eval_every=2, batch_size=200, learning_rate=2e-2)
