"""M2: semi-supervised, 100 of the images with a label; 600, 1,000 or 3,000 with ARGS=--config.data.num_labels=600.

make train EXP=mnist_m2

624 s of training on one of two CPU cores; 91.3% of test labels, L_100 = -92.12 nats, ELBO -96.81 nats, active units 1
of 1 + 31 of 50.

Of the settings tried a slow fall of alpha and a high learning rate moved it most: docs/experiments.md has those of
before.
"""

from vaex.config import default_config


def get_config():
    config = default_config()
    config.data.binarize = "dynamic"
    config.data.num_labels = 100
    config.data.num_classes = 10
    config.model.kind = "m2"
    config.model.latent_dim = 50
    config.model.encoder_hidden = (500,)
    config.model.decoder_hidden = (500,)
    config.objective.name = "semi_supervised"
    config.objective.alpha = 0.1  # from 10: the labels come first
    config.schedule.option = "alpha"
    config.schedule.kind = "exponential"
    config.schedule.start = 10.0
    config.schedule.steps = 6000
    config.optimizer.learning_rate = 4e-3
    config.optimizer.final_learning_rate = 2e-4
    config.train.batch_size = 100
    config.train.num_epochs = 16
    config.train.eval_every = 4
    return config
