"""What the experiments trained by muon share."""

from vaex.config import OPTIMIZERS, RATES, Config, section


def by_muon(
    config: Config,
    *,
    num_epochs: int,
    eval_every: int = 10,
    batch_size: int = 1000,
    learning_rate: float = 3e-2,
    ns_steps: int = 3,
    preconditioning: str = "frobenius",
) -> Config:
    """The same experiment, trained by muon along a cosine."""
    muon = {"learning_rate": learning_rate, "ns_steps": ns_steps, "preconditioning": preconditioning}
    config.optimizer = section(OPTIMIZERS, "muon", **muon)
    config.train.learning_rate = section(RATES, "cosine", final=1e-5)
    config.train.batch_size = batch_size
    config.train.num_epochs = num_epochs
    config.train.eval_every = eval_every
    return config


def two_minutes(config: Config, *, num_epochs: int, learning_rate: float = 5e-2) -> Config:
    """The same for two minutes of one core, which is how posteriors, priors and layers are compared, by L_1000."""
    config = by_muon(config, num_epochs=num_epochs, learning_rate=learning_rate, preconditioning="aol")
    config.evaluate.num_samples = 1000
    return config
