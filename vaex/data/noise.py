"""How an example is corrupted for a denoising autoencoder: (key, x, level) -> what the encoder sees."""

import jax
from jaxtyping import Array, Float, PRNGKeyArray


def masking(key: PRNGKeyArray, x: Float[Array, "..."], level: float) -> Float[Array, "..."]:
    """Each value set to zero with probability `level`.

    Source: Vincent, Larochelle, Bengio and Manzagol 2008, section 2.3.
    """
    return x * jax.random.bernoulli(key, 1 - level, x.shape)


def gaussian(key: PRNGKeyArray, x: Float[Array, "..."], level: float) -> Float[Array, "..."]:
    """Normal noise of deviation `level` added to each value."""
    return x + level * jax.random.normal(key, x.shape)


NOISES = {"masking": masking, "gaussian": gaussian}
