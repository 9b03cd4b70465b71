"""M2: 100 of the images with a label, which move by up to two pixels; 600, say, with ARGS=--config.data.num_labels=600.

make train EXP=mnist_m2

581 s of training on one of two CPU cores and 41 s of evaluation; 92.2% of test labels, L_100 = -91.92 nats, ELBO -96.51
nats, active units 1 of 1 + 22 of 50.

Of the settings tried labelled images that move, a slow fall of alpha and a high learning rate moved it most:
docs/experiments.md has those of before.
"""

from vaex.config import AUGMENTATIONS, MODELS, OBJECTIVES, RATES, SCHEDULES, default_config, section


def get_config():
    config = default_config()
    config.data.binarize = "dynamic"
    config.data.num_labels = 100
    config.data.augment = section(AUGMENTATIONS, "shift")  # a hundred are soon learned by heart
    config.model = section(MODELS, "m2", latent_dim=50)
    config.objective = section(OBJECTIVES, "semi_supervised", alpha=0.1)
    # From 10: the labels come first.
    config.schedule = section(SCHEDULES, "exponential", option="alpha", start=10.0, steps=6000)
    config.optimizer.learning_rate = 4e-3
    config.train.learning_rate = section(RATES, "cosine", final=2e-4)
    config.train.batch_size = 100
    config.train.num_epochs = 16
    config.train.eval_every = 4
    return config
