"""What the experiments with two stochastic layers share: IWAE's two-layer network."""

from vaex.config import MODELS, Config, section

from ._one_layer import one_layer


def two_layers(kind: str, objective: str, **options: float | str) -> Config:
    """As one_layer, x - 200 - 200 - z_1 (100) - 100 - 100 - z_2 (50) and its mirror, tanh, by an objective."""
    config = one_layer(objective, **options)
    config.model = section(
        MODELS,
        kind,
        latent_dims=(100, 50),
        between_hidden=((100, 100),),
        encoder_hidden=(200, 200),
        decoder_hidden=(200, 200),
        activation="tanh",
    )
    return config
