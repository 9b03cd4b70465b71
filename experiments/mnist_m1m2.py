"""M1+M2: M2 on the latents of the VAE of mnist_m1, both trained at once, 100 of the images with a label.

make train EXP=mnist_m1m2

630 s of training on one of two CPU cores; 94.9% of test labels, ELBO -93.32 nats, active units 13 of 50 + 1 of 1 + 9 of
10.
"""

from vaex.config import MODELS, OBJECTIVES, SCHEDULES, section

from . import mnist_m1


def get_config():
    config = mnist_m1.get_config()
    m1 = config.model
    config.model = section(
        MODELS, "m1m2", latent_dim=m1.latent_dim, network=m1.network, upper_dim=10, upper_hidden=(300,)
    )
    config.objective = section(OBJECTIVES, "stacked_semi_supervised", alpha=0.1)
    # From 10, as in mnist_m2.
    config.schedule = section(SCHEDULES, "exponential", option="alpha", start=10.0, steps=15_000)
    config.optimizer.learning_rate = 1e-3
    config.train.num_epochs = 40
    config.train.eval_every = 10
    return config
