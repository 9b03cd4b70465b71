"""What the experiments on tables share: a small network, trained to the end on a few hundred rows."""

from vaex.config import LIKELIHOODS, MODELS, NETWORKS, RATES, Config, default_config, section


def of_table(
    name: str, *, latent_dim: int, columns: str = "", hidden: int = 64, num_epochs: int = 400, **likelihood: str | float
) -> Config:
    """A VAE of a data set's rows, with a distribution for each type of column."""
    config = default_config()
    config.data.name = name
    config.data.columns = columns
    config.data.num_validation = 40
    network = section(NETWORKS, "mlp", encoder_hidden=(hidden,), decoder_hidden=(hidden,), activation="tanh")
    p_x = section(LIKELIHOODS, "table", **likelihood)
    config.model = section(MODELS, "vae", latent_dim=latent_dim, network=network, likelihood=p_x)
    config.optimizer.learning_rate = 5e-3
    config.train.learning_rate = section(RATES, "cosine", final=1e-4)
    config.train.batch_size = 50
    config.train.num_epochs = num_epochs
    config.train.eval_every = 20
    config.evaluate.num_samples = 1000
    return config
