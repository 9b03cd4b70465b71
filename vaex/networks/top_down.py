"""The generator's path of a deep model past one map of latents."""

from collections.abc import Callable

import flax.linen as nn
from jaxtyping import Array, Float

from vaex.networks.convolution import upsampled
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
