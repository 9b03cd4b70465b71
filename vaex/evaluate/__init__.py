"""How good a model is: its bounds on held-out data, and how much of its latent space it uses."""

from vaex.evaluate.answers import Drawn, Moments, draw, interpolation, moments, reconstruction
from vaex.evaluate.certificate import Certificate, certificate
from vaex.evaluate.chunks import compiled, in_chunks
from vaex.evaluate.clusters import cluster_probabilities, clustering_accuracy, clusters_of_components
from vaex.evaluate.dci import DCI, dci
from vaex.evaluate.disentanglement import Disentanglement, disentanglement
from vaex.evaluate.estimates import Estimate, estimate_log_likelihood
from vaex.evaluate.factor_votes import factor_vae_score
from vaex.evaluate.inference_gap import InferenceGap, inference_gap
from vaex.evaluate.information_gap import InformationGap, information_gap
from vaex.evaluate.latents import ACTIVE_VARIANCE, active_units, mutual_information, posterior_mean
from vaex.evaluate.metrics import METRICS, Options, validator
from vaex.evaluate.reports import REPORTS
from vaex.evaluate.scores import (
    bits_per_dim,
    elbo,
    kl_per_layer,
    log_likelihood,
    map_examples,
    psnr,
    ssim,
)
from vaex.evaluate.surgery import Surgery, surgery
from vaex.evaluate.trial import Trial
from vaex.inference.importance import effective_sample_size
from vaex.objectives import kl_per_dimension

__all__ = [
    "ACTIVE_VARIANCE",
    "DCI",
    "METRICS",
    "REPORTS",
    "Certificate",
    "Disentanglement",
    "Drawn",
    "Estimate",
    "InferenceGap",
    "InformationGap",
    "Moments",
    "Options",
    "Surgery",
    "Trial",
    "active_units",
    "bits_per_dim",
    "certificate",
    "cluster_probabilities",
    "clustering_accuracy",
    "clusters_of_components",
    "compiled",
    "dci",
    "disentanglement",
    "draw",
    "effective_sample_size",
    "elbo",
    "estimate_log_likelihood",
    "factor_vae_score",
    "in_chunks",
    "inference_gap",
    "information_gap",
    "interpolation",
    "kl_per_dimension",
    "kl_per_layer",
    "log_likelihood",
    "map_examples",
    "moments",
    "mutual_information",
    "posterior_mean",
    "psnr",
    "reconstruction",
    "ssim",
    "surgery",
    "validator",
]
