"""Encoders by their names: what becomes a network once the shape of its output is known."""

from collections.abc import Callable
from typing import Annotated

import flax.linen as nn

from vaex.choices import Choices
from vaex.errors import OptionError, check_whole
from vaex.networks.conv import ConvEncoder
from vaex.networks.mlp import ACTIVATIONS, MLP, GatedMLP

Shape = tuple[int, ...]
Widths = tuple[int, ...]
Encoder = Callable[[Shape], nn.Module]  # the shape of its output -> a network


def mlp(*, hidden: Widths = (500,), activation: Annotated[str, ACTIVATIONS] = "relu") -> Encoder:
    """A multilayer perceptron.

    Args:
        hidden: the width of each hidden layer.
        activation: the nonlinearity, a name in ACTIVATIONS.
    """
    check_whole(hidden=hidden)
    return lambda shape: MLP(hidden, shape, ACTIVATIONS[activation])


def gated(*, hidden: Widths = (500,)) -> Encoder:
    """A multilayer perceptron whose hidden layers gate themselves.

    Args:
        hidden: the width of each hidden layer.
    """
    check_whole(hidden=hidden)
    return lambda shape: GatedMLP(hidden, shape)


def conv(
    *,
    channels: Widths = (16, 32),
    hidden: Widths = (500,),
    activation: Annotated[str, ACTIVATIONS] = "relu",
) -> Encoder:
    """A convolutional network for images of any size.

    Args:
        channels: features at half the image's resolution, at a quarter and so on.
        hidden: the widths of the dense layers between the coarsest features and the output.
        activation: the nonlinearity, a name in ACTIVATIONS.
    """
    return residual(channels=channels, num_blocks=(0,) * len(channels), hidden=hidden, activation=activation)


def residual(
    *,
    channels: Widths = (16, 32),
    num_blocks: Widths = (1, 1),
    hidden: Widths = (500,),
    activation: Annotated[str, ACTIVATIONS] = "relu",
) -> Encoder:
    """A convolutional network with residual blocks.

    Args:
        channels: features at half the image's resolution, at a quarter and so on.
        num_blocks: residual blocks at each of these resolutions.
        hidden: the widths of the dense layers between the coarsest features and the output.
        activation: the nonlinearity, a name in ACTIVATIONS.
    """
    check_whole(channels=channels, hidden=hidden)
    check_resolutions(channels, num_blocks)
    return lambda shape: ConvEncoder(channels, num_blocks, hidden, shape, ACTIVATIONS[activation])


def check_resolutions(channels: Widths, num_blocks: Widths) -> None:
    """As many numbers of blocks as of channels.

    Raises:
        OptionError: more, or fewer.
    """
    check_whole(0, num_blocks=num_blocks)
    if not channels or len(num_blocks) != len(channels):
        raise OptionError("num_blocks", num_blocks, f"a number for each resolution of channels {channels}")


ENCODERS = Choices({"mlp": mlp, "gated": gated, "conv": conv, "residual": residual}, what="encoder")
