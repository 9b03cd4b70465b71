"""How an example is corrupted for a denoising autoencoder: options -> (key, x) -> what the encoder sees."""

from collections.abc import Callable

import jax
from jaxtyping import Array, Float, PRNGKeyArray

from vaex.choices import Choices
from vaex.errors import check_finite

Corrupt = Callable[[PRNGKeyArray, Float[Array, "..."]], Float[Array, "..."]]


def masking(*, level: float) -> Corrupt:
    """Each value set to zero with a probability.

    Args:
        level: the probability.

    Source: Vincent, Larochelle, Bengio and Manzagol 2008, section 2.3.
    """
    check_finite(0, 1, level=level)
    return lambda key, x: x * jax.random.bernoulli(key, 1 - level, x.shape)


def gaussian(*, level: float) -> Corrupt:
    """Normal noise added to each value.

    Args:
        level: its standard deviation.
    """
    check_finite(0, level=level)
    return lambda key, x: x + level * jax.random.normal(key, x.shape)


NOISES = Choices({"masking": masking, "gaussian": gaussian}, what="noise")
