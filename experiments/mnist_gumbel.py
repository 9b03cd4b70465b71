"""20 one-hot latents of 10 classes by the Gumbel-softmax, its temperature going from 1 to 0.5.

make train EXP=mnist_gumbel
"""

from ._one_layer import one_hot


def get_config():
    config = one_hot("gumbel", temperature=0.5)
    config.schedule.option = "temperature"
    config.schedule.kind = "exponential"
    config.schedule.start = 1.0
    config.schedule.steps = 10_000
    return config
