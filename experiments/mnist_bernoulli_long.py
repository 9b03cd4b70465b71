"""The network of mnist_bernoulli, trained longer by muon: IWAE's table 1, one layer, k = 1.

make train EXP=mnist_bernoulli_long
"""

from ._one_layer import by_muon, one_layer


def get_config():
    return by_muon(one_layer("stl"), num_epochs=290)
