"""IWAE's table 1, two layers, k = 5: the importance-weighted bound by dreg, trained by muon.

make train EXP=mnist_two_layers_k5

2,034 s of training on one of two CPU cores and 449 s of evaluation; L_5000 = -82.95 nats, ELBO -87.56 nats, active
units 77 of 100 + 7 of 50.
"""

from ._muon import by_muon
from ._two_layers import two_layers


def get_config():
    return by_muon(two_layers("hierarchy", "dreg", num_samples=5), num_epochs=165, eval_every=5)
