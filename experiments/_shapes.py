"""What the experiments on drawn shapes share: an MLP with ten latents, and an equal number of updates."""

from vaex.config import MODELS, NETWORKS, OBJECTIVES, RATES, Config, default_config, section


def of_shapes(objective: str, **options: float | str) -> Config:
    """12 epochs of 4096-1200-1200-10 and its mirror on 27,000 black and white images of five known factors."""
    config = default_config()
    config.data.name = "shapes"
    config.data.binarize = "threshold"
    network = section(NETWORKS, "mlp", encoder_hidden=(1200, 1200), decoder_hidden=(1200, 1200))
    config.model = section(MODELS, "vae", latent_dim=10, network=network)
    config.objective = section(OBJECTIVES, objective, **options)
    config.train.learning_rate = section(RATES, "cosine", final=1e-5)
    config.train.batch_size = 256
    config.train.num_epochs = 12
    config.train.eval_every = 4
    config.evaluate.num_samples = 10
    return config
