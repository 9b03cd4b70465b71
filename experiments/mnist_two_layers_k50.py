"""IWAE's table 1, two layers, k = 50: the importance-weighted bound by dreg, trained by muon.

make train EXP=mnist_two_layers_k50

2,620 s of training on one of two CPU cores and 464 s of evaluation; L_5000 = -87.62 nats, ELBO -103.75 nats, active
units 100 of 100 + 8 of 50.

With so many draws batches of 200 take no longer than those of 1,000, and give five times as many updates.
"""

from ._muon import by_muon
from ._two_layers import two_layers


def get_config():
    config = two_layers("hierarchy", "dreg", num_samples=50)
    return by_muon(config, num_epochs=23, eval_every=1, batch_size=200, learning_rate=2e-2)
