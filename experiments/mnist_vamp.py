"""The VampPrior with 100 pseudo-inputs in the network of mnist_stl.

make train EXP=mnist_vamp
"""

from experiments._one_layer import one_layer


def get_config():
    config = one_layer("stl")
    config.model.prior = "vamp"
    config.model.num_components = 100
    config.train.num_epochs = 26
    config.evaluate.num_samples = 1000
    return config
