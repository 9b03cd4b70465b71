"""Pairs of networks by their names: an encoder, and the decoder that mirrors it."""

from collections.abc import Callable
from typing import Annotated, NamedTuple

import flax.linen as nn
from jaxtyping import Array

from vaex.choices import Choices
from vaex.errors import OptionError, check_whole
from vaex.model import Condition, Example
from vaex.networks.conv import ConvDecoder, ConvEncoder
from vaex.networks.join import Joined, as_channels, as_vector
from vaex.networks.mlp import ACTIVATIONS, MLP, GatedMLP

Shape = tuple[int, ...]
Widths = tuple[int, ...]


class Networks(NamedTuple):
    """An encoder and a decoder, still without the shapes of their outputs."""

    encoder: Callable[[Shape], nn.Module]  # the shape of its output
    decoder: Callable[[Shape, Callable], nn.Module]  # the same, and what its output's biases start from
    join: Callable[[Example, Condition], Array]  # (x, condition) -> the encoder's input
    takes_two: bool = False  # whether a network takes two inputs beside one another

    def of_two(self, network: nn.Module, *, of_image: bool) -> nn.Module:
        """The same network of two inputs, the first an image or not."""
        return network if self.takes_two else Joined(network, self.join if of_image else as_vector)


def mlp(
    *,
    encoder_hidden: Widths = (500,),
    decoder_hidden: Widths = (500,),
    activation: Annotated[str, ACTIVATIONS] = "relu",
) -> Networks:
    """Multilayer perceptrons.

    Args:
        encoder_hidden: the width of each of the encoder's hidden layers.
        decoder_hidden: of the decoder's.
        activation: the nonlinearity, a name in ACTIVATIONS.
    """
    check_whole(encoder_hidden=encoder_hidden, decoder_hidden=decoder_hidden)
    act = ACTIVATIONS[activation]
    return Networks(
        lambda shape: MLP(encoder_hidden, shape, act),
        lambda shape, bias: MLP(decoder_hidden, shape, act, out_bias=bias),
        as_vector,
        takes_two=True,
    )


def gated(*, encoder_hidden: Widths = (500,), decoder_hidden: Widths = (500,)) -> Networks:
    """Multilayer perceptrons whose hidden layers gate themselves.

    Args:
        encoder_hidden: the width of each of the encoder's hidden layers.
        decoder_hidden: of the decoder's.
    """
    check_whole(encoder_hidden=encoder_hidden, decoder_hidden=decoder_hidden)
    return Networks(
        lambda shape: GatedMLP(encoder_hidden, shape),
        lambda shape, bias: GatedMLP(decoder_hidden, shape, out_bias=bias),
        as_vector,
    )


def conv(
    *,
    channels: Widths = (16, 32),
    encoder_hidden: Widths = (500,),
    decoder_hidden: Widths = (500,),
    activation: Annotated[str, ACTIVATIONS] = "elu",
) -> Networks:
    """Convolutional networks for images of any size.

    Args:
        channels: features at half the image's resolution, at a quarter and so on.
        encoder_hidden: the widths of the dense layers between the encoder's coarsest features and its output.
        decoder_hidden: of the decoder's.
        activation: the nonlinearity, a name in ACTIVATIONS.
    """
    return residual(
        channels=channels,
        num_blocks=(0,) * len(channels),
        encoder_hidden=encoder_hidden,
        decoder_hidden=decoder_hidden,
        activation=activation,
    )


def residual(
    *,
    channels: Widths = (16, 32),
    num_blocks: Widths = (1, 1),
    encoder_hidden: Widths = (500,),
    decoder_hidden: Widths = (500,),
    activation: Annotated[str, ACTIVATIONS] = "elu",
) -> Networks:
    """Convolutional networks with residual blocks.

    Args:
        channels: features at half the image's resolution, at a quarter and so on.
        num_blocks: residual blocks at each of these resolutions.
        encoder_hidden: the widths of the dense layers between the encoder's coarsest features and its output.
        decoder_hidden: of the decoder's.
        activation: the nonlinearity, a name in ACTIVATIONS.
    """
    check_whole(channels=channels, encoder_hidden=encoder_hidden, decoder_hidden=decoder_hidden)
    check_resolutions(channels, num_blocks)
    act = ACTIVATIONS[activation]
    return Networks(
        lambda shape: ConvEncoder(channels, num_blocks, encoder_hidden, shape, act),
        lambda shape, bias: ConvDecoder(channels, num_blocks, decoder_hidden, shape, act, out_bias=bias),
        as_channels,
    )


def check_resolutions(channels: Widths, num_blocks: Widths) -> None:
    """A resolution or more, and as many numbers of blocks as of channels.

    Raises:
        OptionError: none, or more numbers of blocks, or fewer.
    """
    check_whole(0, num_blocks=num_blocks)
    if not channels:
        raise OptionError("channels", channels, "a width for each resolution, of one or more")
    if len(num_blocks) != len(channels):
        raise OptionError("num_blocks", num_blocks, f"a number for each resolution of channels {channels}")


NETWORKS = Choices({"mlp": mlp, "gated": gated, "conv": conv, "residual": residual}, what="network")
