"""Inference beside the encoder: (key, model, x) -> draws of z, or of what is missing of x, or estimates of log p(x)."""

from vaex.inference import abc, abc_smc, em, imputation, smc
from vaex.inference.gibbs import gibbs
from vaex.inference.importance import Weighted, effective_sample_size, importance, resampled
from vaex.inference.mcmc import hmc, mala, nuts, random_walk
from vaex.inference.method import Method
from vaex.inference.rejection import Proposals, accepted, rejection
from vaex.inference.sampling import Draws, sample, warnings

__all__ = [
    "Draws",
    "Method",
    "Proposals",
    "Weighted",
    "abc",
    "abc_smc",
    "accepted",
    "effective_sample_size",
    "em",
    "gibbs",
    "hmc",
    "importance",
    "imputation",
    "mala",
    "nuts",
    "random_walk",
    "rejection",
    "resampled",
    "sample",
    "smc",
    "warnings",
]
