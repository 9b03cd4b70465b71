"""How a value and its condition become the input of one network."""

from collections.abc import Callable

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from vaex.model import Condition, Value


def as_vector(value: Value, condition: Condition) -> Float[Array, " d"]:
    """Both flattened into one vector: the input of a network of vectors. A latent may be a pytree."""
    return jnp.concatenate([leaf.reshape(-1) for leaf in jax.tree.leaves((value, condition))])


def as_channels(image: Float[Array, "h w c"], condition: Float[Array, "..."]) -> Float[Array, "h w c_and_more"]:
    """The condition as further channels of an image: the input of a convolutional network.

    A vector becomes constant planes; an image is brought to the size of the other by repeating its pixels.
    """
    height, width = image.shape[:2]
    if condition.ndim == 1:
        condition = condition[None, None]
    rows, columns = (jnp.arange(n) * m // n for n, m in zip((height, width), condition.shape, strict=False))
    return jnp.concatenate([image, condition[rows][:, columns]], axis=-1)


class Joined(nn.Module):
    """A network of one input as one of two.

    Attributes:
        network: of the joined input.
        join: `as_vector` or `as_channels`.
    """

    network: nn.Module
    join: Callable[[Value, Condition], Array]

    def __call__(self, value: Value, other: Condition) -> Float[Array, "..."]:
        return self.network(self.join(value, other))
