"""The Flax modules: raw arrays in, raw arrays out, one example at a time, no sampling inside."""

from vaex.networks.conv import ConvDecoder, ConvEncoder, ImageHead, Pyramid, halved
from vaex.networks.join import Joined, as_channels, as_vector
from vaex.networks.lookup_table import LookupTable
from vaex.networks.mlp import ACTIVATIONS, MLP, GatedMLP
from vaex.networks.pairs import NETWORKS, Networks, check_resolutions
from vaex.networks.precision import PRECISIONS, bfloat16
from vaex.networks.residual import Bottleneck, scaled
from vaex.networks.top_down import ConditionMaps, Merge

__all__ = [
    "ACTIVATIONS",
    "MLP",
    "NETWORKS",
    "PRECISIONS",
    "Bottleneck",
    "ConditionMaps",
    "ConvDecoder",
    "ConvEncoder",
    "GatedMLP",
    "ImageHead",
    "Joined",
    "LookupTable",
    "Merge",
    "Networks",
    "Pyramid",
    "as_channels",
    "as_vector",
    "bfloat16",
    "check_resolutions",
    "halved",
    "scaled",
]
