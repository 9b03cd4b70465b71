"""Figures: arrays in, pictures out; those of a trained model by their names."""

from collections.abc import Callable

from jaxtyping import PRNGKeyArray
from matplotlib.figure import Figure

from vaex.evaluate.trial import Trial
from vaex.figures import completions, trained
from vaex.figures.plots import image_grid, kl_per_dimension, kl_per_layer, learning_curves
from vaex.figures.trained import of_samples

FIGURES: dict[str, Callable[[PRNGKeyArray, Trial], Figure | None]] = {
    "reconstructions": trained.reconstructions,
    "samples": trained.samples,
    "manifold": trained.manifold,
    "latent": trained.latent,
    "autoencoded": trained.autoencoded,
    "analogies": trained.analogies,
    "components": trained.components,
    "imputations": trained.imputations,
    "samples_by_label": completions.samples_by_label,
    "enlargements": completions.enlargements,
    "completions": completions.completions,
}

__all__ = ["FIGURES", "image_grid", "kl_per_dimension", "kl_per_layer", "learning_curves", "of_samples"]
