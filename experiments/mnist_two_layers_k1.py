"""IWAE's table 1, two layers, k = 1: the ELBO by stl, trained by muon.

make train EXP=mnist_two_layers_k1

2,224 s of training on one of two CPU cores and 507 s of evaluation; L_5000 = -83.00 nats, ELBO -85.96 nats, active
units 34 of 100 + 6 of 50.
"""

from ._muon import by_muon
from ._two_layers import two_layers


def get_config():
    return by_muon(two_layers("hierarchy", "stl"), num_epochs=560, eval_every=20)
