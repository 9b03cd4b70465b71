"""The Flax modules: raw arrays in, raw arrays out, one example at a time, no sampling inside."""

from vaex.networks.conv import ConvDecoder, ConvEncoder, ImageHead, Pyramid, halved
from vaex.networks.lookup_table import LookupTable
from vaex.networks.mlp import ACTIVATIONS, MLP, GatedMLP
from vaex.networks.residual import Bottleneck, scaled
from vaex.networks.top_down import Merge

__all__ = [
    "ACTIVATIONS",
    "MLP",
    "Bottleneck",
    "ConvDecoder",
    "ConvEncoder",
    "GatedMLP",
    "ImageHead",
    "LookupTable",
    "Merge",
    "Pyramid",
    "halved",
    "scaled",
]
