"""Convolutional networks for images of any size: each further resolution halves the one before, rounding up."""

import math
from collections.abc import Callable

import flax.linen as nn
from jaxtyping import Array, Float

from vaex.errors import UsageError
from vaex.networks.convolution import Conv, downsampled, upsampled
from vaex.networks.mlp import MLP, check_size
from vaex.networks.residual import ResidualStack

_MLP = "use an MLP, --config.model.network.name=mlp"


def halved(size: tuple[int, ...], times: int) -> list[tuple[int, int]]:
    """The resolutions of an image and of its halvings, which round up.

    >>> halved((28, 20), 3)
    [(28, 20), (14, 10), (7, 5), (4, 3)]
    """
    sizes = [(size[0], size[1])]
    for _ in range(times):
        sizes.append(((sizes[-1][0] + 1) // 2, (sizes[-1][1] + 1) // 2))
    return sizes


class Pyramid(nn.Module):
    """An image's features at each halved resolution: 4x4 convolutions with stride 2, and residual blocks between.

    Attributes:
        channels: at each resolution, the finest first.
        num_blocks: residual blocks at each resolution.
        activation: the nonlinearity.
    """

    channels: tuple[int, ...]
    num_blocks: tuple[int, ...]
    activation: Callable = nn.relu

    @nn.compact
    def __call__(self, x: Float[Array, "..."]) -> tuple[Float[Array, "..."], ...]:
        if x.ndim != 3:
            cure = "jax.vmap makes a batch" if x.ndim > 3 else f"add the axis of channels, or for vectors {_MLP}"
            raise UsageError(f"a convolutional network takes one image [H, W, C], found shape {x.shape}: {cure}")
        check_size(self, "down_0", 4 * x.shape[-1], x)
        h, features = x, []
        for i, (width, blocks) in enumerate(zip(self.channels, self.num_blocks, strict=True)):
            h = Conv(width, kernel=2, padding=0, name=f"down_{i}")(downsampled(self.activation(h) if i else h))
            h = ResidualStack(blocks, sum(self.num_blocks), self.activation, name=f"residual_{i}")(h)
            features.append(h)
        return tuple(features)


class ConvEncoder(nn.Module):
    """A pyramid over an image, and an MLP on its coarsest features.

    Attributes:
        channels, num_blocks: the pyramid's.
        hidden: the widths of the MLP's hidden layers.
        out_shape: the shape of one output.
        activation: the nonlinearity.
    """

    channels: tuple[int, ...]
    num_blocks: tuple[int, ...]
    hidden: tuple[int, ...]
    out_shape: tuple[int, ...]
    activation: Callable = nn.relu

    @nn.compact
    def __call__(self, x: Float[Array, "..."]) -> Float[Array, "..."]:
        h = Pyramid(self.channels, self.num_blocks, self.activation, name="pyramid")(x)[-1]
        return MLP(self.hidden, self.out_shape, self.activation, name="head")(self.activation(h))


class ConvDecoder(nn.Module):
    """The mirror of ConvEncoder: an MLP to the coarsest features, and sub-pixel convolutions up to the image.

    The last convolution has a bias for each output, not for each channel, so that it can start from a mean image.

    Attributes:
        channels, num_blocks: at each resolution, the finest first, as the encoder's.
        hidden: the widths of the MLP's hidden layers.
        out_shape: the shape of one output, [H, W, ...].
        activation: the nonlinearity.
        out_bias: what the output's biases start from, as a Flax initializer.
    """

    channels: tuple[int, ...]
    num_blocks: tuple[int, ...]
    hidden: tuple[int, ...]
    out_shape: tuple[int, ...]
    activation: Callable = nn.relu
    out_bias: Callable = nn.initializers.zeros

    @nn.compact
    def __call__(self, z: Float[Array, "..."]) -> Float[Array, "..."]:
        if len(self.out_shape) < 2:
            raise UsageError(f"a convolutional decoder makes images [H, W, ...], not shape {self.out_shape}: {_MLP}")
        sizes = halved(self.out_shape[:2], len(self.channels))
        h = MLP(self.hidden, (*sizes[-1], self.channels[-1]), self.activation, name="head")(z)
        for i in reversed(range(len(self.channels))):
            h = ResidualStack(self.num_blocks[i], sum(self.num_blocks), self.activation, name=f"residual_{i}")(h)
            h = self.activation(h)
            if i:
                h = upsampled(Conv(4 * self.channels[i - 1], name=f"up_{i}")(h), sizes[i])
        return ImageHead(self.out_shape, self.out_bias, name="out")(h)


class ImageHead(nn.Module):
    """A sub-pixel convolution from features at half an image's resolution, with a bias for each output.

    Attributes:
        out_shape: [H, W, ...].
        out_bias: what the biases start from, as a Flax initializer.
    """

    out_shape: tuple[int, ...]
    out_bias: Callable = nn.initializers.zeros

    @nn.compact
    def __call__(self, h: Float[Array, "h w c"]) -> Float[Array, "..."]:
        channels = math.prod(self.out_shape[2:])
        h = Conv(4 * channels, use_bias=False, name="up")(h)
        bias = self.param("bias", self.out_bias, self.out_shape)
        return upsampled(h, self.out_shape).reshape(self.out_shape) + bias
