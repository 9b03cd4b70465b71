"""M1+M2: M2 on the latents of a convolutional VAE, both trained at once by muon, 100 of the images with a label.

make train EXP=mnist_m1m2

572 s of training on two CPU cores and 86 s of evaluation; 97.0% of test labels, ELBO -90.14 nats, active units 28 of 50
+ 1 of 1 + 10 of 10.
"""

from vaex.config import AUGMENTATIONS, MODELS, NETWORKS, OBJECTIVES, SCHEDULES, section

from ._muon import by_muon
from ._one_layer import one_layer


def get_config():
    config = by_muon(
        one_layer("elbo"),
        num_epochs=26,
        eval_every=8,
        batch_size=100,
        learning_rate=1e-2,
        preconditioning="aol",
    )
    config.data.num_labels = 100
    config.data.augment = section(AUGMENTATIONS, "shift")  # of those with a label, as in mnist_m2
    hidden = {"encoder_hidden": (200,), "decoder_hidden": (200,), "activation": "tanh"}
    network = section(NETWORKS, "conv", channels=(8, 16), **hidden)
    config.model = section(MODELS, "m1m2", latent_dim=50, network=network, upper_dim=10, upper_hidden=(300,))
    config.objective = section(OBJECTIVES, "stacked_semi_supervised", alpha=0.1)
    # From 10, as in mnist_m2, over two thirds of the steps: the labels come first.
    config.schedule = section(SCHEDULES, "exponential", option="alpha", start=10.0, steps=10_000)
    config.evaluate.num_samples = 100
    return config
