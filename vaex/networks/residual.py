"""Residual convolutional blocks without normalization, whose branches start small enough to be stacked."""

from collections.abc import Callable

import flax.linen as nn
from jaxtyping import Array, Float

from vaex.networks.convolution import Conv
from vaex.networks.mlp import GLOROT


def scaled(depth: int) -> Callable:
    """The initializer of the last layer of one of `depth` residual branches.

    Glorot's uniform distribution with its variance divided by depth, so that the variance of a sum over the branches
    does not grow with their number.

    Source: Child 2021, of deep VAEs; Radford et al. 2019, section 2.3, of transformers.
    """
    return nn.initializers.variance_scaling(1.0 / max(depth, 1), "fan_avg", "uniform")


class Bottleneck(nn.Module):
    """A 3x3 convolution of half the channels between two of 1x1, each after the nonlinearity.

    Attributes:
        channels: of the output.
        last_init: what the last convolution's weights start from.
        activation: the nonlinearity.

    Source: He et al. 2016, "Identity mappings in deep residual networks", without batch normalization.
    """

    channels: int
    last_init: Callable
    activation: Callable = nn.relu

    @nn.compact
    def __call__(self, h: Float[Array, "h w c"]) -> Float[Array, "h w out"]:
        half = max(h.shape[-1] // 2, 1)
        h = nn.Dense(half, kernel_init=GLOROT, name="first")(self.activation(h))
        h = Conv(half, name="middle")(self.activation(h))
        return nn.Dense(self.channels, kernel_init=self.last_init, name="last")(self.activation(h))


class ResidualStack(nn.Module):
    """Residual blocks one after another, by a scan over their stacked parameters: compiled once, however many.

    h <- h + bottleneck(h)

    Attributes:
        num_blocks: how many here.
        depth: how many in the whole network.
        activation: the blocks' nonlinearity.
    """

    num_blocks: int
    depth: int
    activation: Callable = nn.relu

    @nn.compact
    def __call__(self, h: Float[Array, "h w c"]) -> Float[Array, "h w c"]:
        if not self.num_blocks:
            return h
        scan = nn.scan(
            lambda block, carry, _: (carry + block(carry), None),
            variable_axes={"params": 0},
            split_rngs={"params": True},
            length=self.num_blocks,
        )
        return scan(Bottleneck(h.shape[-1], scaled(self.depth), self.activation, name="blocks"), h, None)[0]
