"""Pairs of networks by their names in a config."""

from collections.abc import Callable
from typing import Any, NamedTuple

import flax.linen as nn

from vaex.config.checks import lookup
from vaex.config.likelihoods import Shape
from vaex.models.conditional import as_channels, as_vector
from vaex.networks import ACTIVATIONS, MLP, ConvDecoder, ConvEncoder, GatedMLP


class Networks(NamedTuple):
    """A pair of networks by its name, from the fields of config.model."""

    encoder: Callable[[Any, Callable, Shape], nn.Module]  # (c, activation, raw_shape)
    decoder: Callable[[Any, Callable, Shape, Callable], nn.Module]  # (c, activation, raw_shape, out_bias)
    join: Callable[[Any, Any], Any] = as_channels  # (x, condition) -> the input of a conditional encoder


def _convolutional(num_blocks: Callable[[Any], Shape]) -> Networks:
    return Networks(
        lambda c, activation, shape: ConvEncoder(
            tuple(c.channels), num_blocks(c), tuple(c.encoder_hidden), shape, activation
        ),
        lambda c, activation, shape, bias: ConvDecoder(
            tuple(c.channels), num_blocks(c), tuple(c.decoder_hidden), shape, activation, out_bias=bias
        ),
    )


NETWORKS = {
    "mlp": Networks(
        lambda c, activation, shape: MLP(tuple(c.encoder_hidden), shape, activation),
        lambda c, activation, shape, bias: MLP(tuple(c.decoder_hidden), shape, activation, out_bias=bias),
        join=as_vector,
    ),
    "gated": Networks(
        lambda c, activation, shape: GatedMLP(tuple(c.encoder_hidden), shape),
        lambda c, activation, shape, bias: GatedMLP(tuple(c.decoder_hidden), shape, out_bias=bias),
        join=as_vector,
    ),
    "conv": _convolutional(lambda c: (0,) * len(c.channels)),
    "residual": _convolutional(lambda c: tuple(c.num_blocks)),
}


def activation_of(c: Any) -> Callable:
    """The nonlinearity that config.model names."""
    return lookup(ACTIVATIONS, c.activation, "model.activation")
