"""A Gaussian likelihood with one learned sigma for each pixel, on dequantized Fashion-MNIST.

make train EXP=fashion_gauss
"""

from experiments import mnist_gauss


def get_config():
    config = mnist_gauss.get_config()
    config.data.name = "fashion_mnist"
    return config
