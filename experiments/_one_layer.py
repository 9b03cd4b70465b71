"""What the experiments that compare objectives share: IWAE's one-layer network and an equal number of updates."""

from vaex.config import Config, default_config


def one_layer(objective: str, **options: float | str) -> Config:
    """20 epochs of 784-200-200-50 tanh and its mirror on dynamically binarized MNIST, by an objective."""
    config = default_config()
    config.data.binarize = "dynamic"
    config.model.latent_dim = 50
    config.model.encoder_hidden = config.model.decoder_hidden = (200, 200)
    config.model.activation = "tanh"
    config.objective.name = objective
    config.objective.update(options)
    config.optimizer.learning_rate = 2e-3
    config.optimizer.final_learning_rate = 1e-4
    config.train.batch_size = 100
    config.train.num_epochs = 20
    config.train.eval_every = 5
    config.evaluate.num_samples = 5000
    return config


def longer(objective: str, **options: float | str) -> Config:
    """The same for 32 epochs, which is how posteriors and priors are compared, by L_1000."""
    config = one_layer(objective, **options)
    config.train.num_epochs = 32
    config.evaluate.num_samples = 1000
    return config


def one_hot(objective: str, **options: float | str) -> Config:
    """The same with 20 one-hot latents of 10 classes, as in Jang et al. 2017."""
    config = one_layer(objective, **options)
    config.model.posterior = "one_hot"
    config.model.latent_dim = 20
    config.model.num_classes = 10
    return config
