"""20 one-hot latents of 10 classes by VIMCO with K=5.

make train EXP=mnist_vimco
"""

from ._one_layer import one_hot


def get_config():
    return one_hot("vimco", num_samples=5)
