"""What the experiments that compare objectives share: IWAE's one-layer network and an equal number of updates."""

from vaex.config import MODELS, NETWORKS, OBJECTIVES, POSTERIORS, RATES, Config, default_config, section


def one_layer(objective: str, **options: float | str) -> Config:
    """20 epochs of 784-200-200-50 tanh and its mirror on dynamically binarized MNIST, by an objective."""
    config = default_config()
    config.data.binarize = "dynamic"
    config.model = section(MODELS, "vae", latent_dim=50, network=two_tanh_layers())
    config.objective = section(OBJECTIVES, objective, **options)
    config.optimizer.learning_rate = 2e-3
    config.train.learning_rate = section(RATES, "cosine", final=1e-4)
    config.train.batch_size = 100
    config.train.num_epochs = 20
    config.train.eval_every = 5
    config.evaluate.num_samples = 5000
    return config


def two_tanh_layers() -> Config:
    """The network of IWAE's experiments."""
    return section(NETWORKS, "mlp", encoder_hidden=(200, 200), decoder_hidden=(200, 200), activation="tanh")


def one_hot(objective: str, **options: float | str) -> Config:
    """The same with 20 one-hot latents of 10 classes, as in Jang et al. 2017."""
    config = one_layer(objective, **options)
    config.model.latent_dim = 20
    config.model.posterior = section(POSTERIORS, "one_hot", num_classes=10)
    return config
