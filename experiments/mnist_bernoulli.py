"""IWAE's one-layer network on dynamically binarized MNIST, 784-200-200-50 tanh and its mirror, trained by stl and Muon.

make train EXP=mnist_bernoulli

218 s of training on two CPU cores and 334 s of evaluation; L_5000 = -86.64 nats, ELBO -90.56 nats, active units 22 of
50.
"""

from ._muon import by_muon
from ._one_layer import one_layer


def get_config():
    return by_muon(one_layer("stl"), num_epochs=118, learning_rate=5e-2, preconditioning="aol")
