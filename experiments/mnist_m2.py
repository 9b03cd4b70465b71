"""M2: semi-supervised, 100 of the images with a label; 600, 1,000 or 3,000 with ARGS=--config.data.num_labels=600.

make train EXP=mnist_m2

206 s of training on one of two CPU cores; an accuracy of 84.0% on the test set, where 88.0% is published and 90% is the
aim. With alpha at 0.1 from the start it was 56% of the validation images, at 1 77%, as it stands 88%: the classifier
learns the labelled images by heart, and the classes settle on something else than digits.
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
    config.model.decoder_hidden = (300,)
    config.objective.name = "semi_supervised"
    config.objective.alpha = 0.1  # from 10: the labels come first, or classes settle on something else than digits
    config.schedule.option = "alpha"
    config.schedule.kind = "exponential"
    config.schedule.start = 10.0
    config.schedule.steps = 1500
    config.optimizer.learning_rate = 2e-3
    config.optimizer.final_learning_rate = 1e-4
    config.train.batch_size = 100
    config.train.num_epochs = 6
    config.train.eval_every = 3
    return config
