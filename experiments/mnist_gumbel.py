"""20 one-hot latents of 10 classes by the Gumbel-softmax, its temperature going from 1 to 0.5.

make train EXP=mnist_gumbel
"""

from vaex.config import SCHEDULES, section

from ._one_layer import one_hot


def get_config():
    config = one_hot("gumbel", temperature=0.5)
    config.schedule = section(SCHEDULES, "exponential", option="temperature", start=1.0, steps=10_000)
    return config
