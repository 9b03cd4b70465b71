"""20 one-hot latents of 10 classes by the Gumbel-softmax, its temperature going from 1 to 0.5.

make train EXP=mnist_gumbel

109 s of training on two CPU cores; L_5000 = -96.61 nats, ELBO -110.25 nats, active units 20 of 20.
"""

from vaex.config import SCHEDULES, section

from ._one_layer import one_hot


def get_config():
    config = one_hot("gumbel", temperature=0.5)
    config.schedule = section(SCHEDULES, "exponential", option="temperature", start=1.0, steps=10_000)
    return config
