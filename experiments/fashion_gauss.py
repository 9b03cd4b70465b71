"""A Gaussian likelihood with one learned sigma for each pixel, on dequantized Fashion-MNIST.

make train EXP=fashion_gauss

150 s of training on one of two CPU cores and 25 s of evaluation; 6.536 bits per dimension by the ELBO, active units 49
of 64.
"""

from . import mnist_gauss


def get_config():
    config = mnist_gauss.get_config()
    config.data.name = "fashion_mnist"
    return config
