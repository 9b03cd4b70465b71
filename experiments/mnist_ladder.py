"""The generator of mnist_hierarchy with the ladder's posterior, which shares the generator's way down.

make train EXP=mnist_ladder
"""

from experiments._two_layers import two_layers


def get_config():
    config = two_layers("ladder", "elbo")
    config.objective.kl = "sampled"
    config.objective.beta = 1.0  # from 0: without this warm-up the upper layer collapses
    config.schedule.option = "beta"
    config.schedule.steps = 5000
    return config
