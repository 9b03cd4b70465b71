"""The VampPrior with 200 pseudo-inputs, in the network of mnist_elbo.

make train EXP=mnist_vamp
"""

from experiments._one_layer import one_layer


def get_config():
    config = one_layer("elbo", kl="sampled")
    config.model.prior = "vamp"
    config.model.num_components = 200
    config.evaluate.num_samples = 1000
    return config
