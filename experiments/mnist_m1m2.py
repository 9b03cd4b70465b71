"""M1+M2: M2 on the latents of a VAE, both trained at once by muon, 100 of the images with a label.

make train EXP=mnist_m1m2

618 s of training on one of two CPU cores and 98 s of evaluation; 95.5% of test labels, ELBO -91.31 nats, active units
23 of 50 + 1 of 1 + 8 of 10.
"""

from vaex.config import MODELS, OBJECTIVES, SCHEDULES, section

from ._muon import by_muon
from ._one_layer import one_layer, two_tanh_layers


def get_config():
    config = by_muon(
        one_layer("elbo"),
        num_epochs=32,
        eval_every=8,
        batch_size=100,
        learning_rate=1e-2,
        preconditioning="aol",
    )
    config.data.num_labels = 100
    config.model = section(MODELS, "m1m2", latent_dim=50, network=two_tanh_layers(), upper_dim=10, upper_hidden=(300,))
    config.objective = section(OBJECTIVES, "stacked_semi_supervised", alpha=0.1)
    # From 10, as in mnist_m2, over 20 of the epochs: the labels come first.
    config.schedule = section(SCHEDULES, "exponential", option="alpha", start=10.0, steps=12_000)
    config.evaluate.num_samples = 100
    return config
