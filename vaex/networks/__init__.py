"""The Flax modules: raw arrays in, raw arrays out, one example at a time, no sampling inside."""

from vaex.networks.conv import ConvDecoder, ConvEncoder
from vaex.networks.mlp import ACTIVATIONS, MLP, GatedMLP
from vaex.networks.table import Table

__all__ = ["ACTIVATIONS", "MLP", "ConvDecoder", "ConvEncoder", "GatedMLP", "Table"]
