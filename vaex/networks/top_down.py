"""The generator's path of a deep model past one map of latents, and what it sees of a condition."""

from collections.abc import Callable

import flax.linen as nn
import jax.numpy as jnp
from jaxtyping import Array, Float

from vaex.networks.conv import Pyramid, halved
from vaex.networks.convolution import upsampled
from vaex.networks.join import as_channels
from vaex.networks.mlp import GLOROT
from vaex.networks.residual import Bottleneck, scaled


class Merge(nn.Module):
    """The path takes up a map of latents, and goes on, at a higher resolution where one is given.

    h <- h + project(z);   h <- h + bottleneck(h);   h <- upsampled(h)

    Attributes:
        depth: how many such steps the path has; what each adds to it starts smaller by its root.
        up: the next size and channels, or None where they stay.
        activation: the nonlinearity.

    Source: Child 2021, the top-down block.
    """

    depth: int
    up: tuple[tuple[int, int], int] | None = None
    activation: Callable = nn.relu

    @nn.compact
    def __call__(self, h: Float[Array, "h w c"], z: Float[Array, " hwd"]) -> Float[Array, "h2 w2 c2"]:
        z = z.reshape(*h.shape[:2], -1)
        h = h + nn.Dense(h.shape[-1], kernel_init=scaled(self.depth), name="project")(z)
        h = h + Bottleneck(h.shape[-1], scaled(self.depth), self.activation, name="residual")(h)
        if self.up is None:
            return h
        size, channels = self.up
        return upsampled(nn.Dense(4 * channels, kernel_init=GLOROT, name="up")(h), size)


class ConditionMaps(nn.Module):
    """What a deep model sees of a condition at each halved resolution of its image, the finest first.

    A vector stands at each position; an image, repeated to the size of the other, has features by a pyramid.

    Attributes:
        size: of the image, [H, W].
        channels, num_blocks, activation: the pyramid's.

    Source: Chira et al. 2022, section 3, the encoder of the image of low resolution.
    """

    size: tuple[int, ...]
    channels: tuple[int, ...]
    num_blocks: tuple[int, ...]
    activation: Callable = nn.relu

    @nn.compact
    def __call__(self, condition: Float[Array, "..."]) -> tuple[Float[Array, "h w c"], ...]:
        if condition.ndim == 1:
            sizes = halved(self.size, len(self.channels))[1:]
            return tuple(jnp.broadcast_to(condition, (*size, *condition.shape)) for size in sizes)
        enlarged = as_channels(jnp.zeros((*self.size, 0)), condition)
        return Pyramid(self.channels, self.num_blocks, self.activation, name="pyramid")(enlarged)
