"""M1+M2: M2 on the latents of the VAE of mnist_m1, both trained at once, 100 of the images with a label.

make train EXP=mnist_m1m2

630 s of training on one of two CPU cores; 94.9% of test labels, ELBO -93.32 nats, active units 13 of 50 + 1 of 1 + 9 of
10.
"""

from . import mnist_m1


def get_config():
    config = mnist_m1.get_config()
    config.data.num_classes = 10
    config.model.kind = "m1m2"
    config.model.upper_dim = 10
    config.model.upper_hidden = (300,)
    config.objective.name = "stacked_semi_supervised"
    config.objective.alpha = 0.1  # from 10, as in mnist_m2
    config.schedule.option = "alpha"
    config.schedule.kind = "exponential"
    config.schedule.start = 10.0
    config.schedule.steps = 15_000
    config.optimizer.learning_rate = 1e-3
    config.train.num_epochs = 40
    config.train.eval_every = 10
    return config
