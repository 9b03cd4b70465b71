"""Inference beside the encoder: (key, model, x) -> draws of z, or of what is missing of x, or estimates of log p(x)."""

from vaex.inference.importance import Weighted, effective_sample_size, importance, resampled
from vaex.inference.method import Method
from vaex.inference.rejection import Proposals, accepted, rejection

__all__ = [
    "Method",
    "Proposals",
    "Weighted",
    "accepted",
    "effective_sample_size",
    "importance",
    "rejection",
    "resampled",
]
