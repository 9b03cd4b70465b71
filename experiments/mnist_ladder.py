"""The generator of mnist_hierarchy with the ladder's posterior, which shares the generator's way down.

make train EXP=mnist_ladder

183 s of training on one of two CPU cores and 138 s of evaluation; L_1000 = -86.02 nats, ELBO -90.38 nats, active units
100 of 100 + 6 of 50.

The KL is warmed up, as in Sonderby et al. 2016: without it the upper layer collapses, as docs/experiments.md has it.
"""

from vaex.config import SCHEDULES, section

from ._muon import two_minutes
from ._two_layers import two_layers


def get_config():
    config = two_minutes(two_layers("ladder", "elbo", beta=1.0), num_epochs=31)
    config.schedule = section(SCHEDULES, "linear", option="beta", steps=600)  # from 0
    return config
