"""IWAE's one-layer network on dynamically binarized MNIST, 784-200-200-50 tanh and its mirror, trained by stl and Muon.

make train EXP=mnist_bernoulli

354 s of training on two CPU cores and 368 s of evaluation; L_5000 = -86.93 nats, ELBO -90.93 nats, active units 24 of
50.
"""

from vaex.config import OPTIMIZERS, RATES, section

from ._one_layer import one_layer


def get_config():
    config = one_layer("stl")
    config.optimizer = section(OPTIMIZERS, "muon", learning_rate=3e-2)
    config.train.learning_rate = section(RATES, "cosine", final=1e-5)
    config.train.batch_size = 1000
    config.train.num_epochs = 110
    config.train.eval_every = 10
    return config
