"""IWAE's one-layer network on dynamically binarized MNIST, 784-200-200-50 tanh and its mirror, trained by stl.

make train EXP=mnist_bernoulli

189 s of training on two CPU cores and 220 s of evaluation; L_5000 = -88.85 nats, ELBO -93.58 nats, active units 21 of
50.
"""

from vaex.config import RATES, section

from ._one_layer import one_layer


def get_config():
    config = one_layer("stl")
    config.optimizer.learning_rate = 4e-3
    config.train.learning_rate = section(RATES, "cosine", final=1e-5)
    config.train.num_epochs = 100
    config.train.eval_every = 10
    return config
