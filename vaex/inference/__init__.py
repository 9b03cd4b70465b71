"""Inference beside the encoder: (key, model, x) -> draws of z, or of what is missing of x, or estimates of log p(x)."""

from vaex.inference import abc, abc_smc, ais, cavi, em, free_form, imputation, missing, smc
from vaex.inference.gibbs import gibbs
from vaex.inference.importance import Weighted, effective_sample_size, importance, resampled
from vaex.inference.iterate import iterate
from vaex.inference.marginal_likelihood import MarginalLikelihood, marginal_likelihood
from vaex.inference.mcmc import hmc, mala, nuts, random_walk
from vaex.inference.method import Method
from vaex.inference.monte_carlo_em import monte_carlo_em
from vaex.inference.rejection import Proposals, accepted, rejection
from vaex.inference.sampling import Draws, sample, warnings
from vaex.inference.svi import svi

__all__ = [
    "Draws",
    "MarginalLikelihood",
    "Method",
    "Proposals",
    "Weighted",
    "abc",
    "abc_smc",
    "accepted",
    "ais",
    "cavi",
    "effective_sample_size",
    "em",
    "free_form",
    "gibbs",
    "hmc",
    "importance",
    "imputation",
    "iterate",
    "mala",
    "marginal_likelihood",
    "missing",
    "monte_carlo_em",
    "nuts",
    "random_walk",
    "rejection",
    "resampled",
    "sample",
    "smc",
    "svi",
    "warnings",
]
