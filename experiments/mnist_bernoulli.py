"""IWAE's one-layer network on dynamically binarized MNIST, 784-200-200-50 tanh and its mirror, trained by stl and Muon.

make train EXP=mnist_bernoulli

354 s of training on two CPU cores and 368 s of evaluation; L_5000 = -86.93 nats, ELBO -90.93 nats, active units 24 of
50.
"""

from ._one_layer import by_muon, one_layer


def get_config():
    return by_muon(one_layer("stl"), num_epochs=110, ns_steps=5)
