"""The lower half of dynamically binarized MNIST given the upper half; the likelihood is over the lower half alone.

make train EXP=mnist_inpaint

176 s of training on one of two CPU cores; L_1000 = -41.43 nats, ELBO -43.63 nats, active units 19 of 20.
"""

from . import mnist_conditional


def get_config():
    config = mnist_conditional.get_config()
    config.data.condition = "half"
    return config
