"""Figures: arrays in, pictures out."""

from vaex.figures.completions import of_halves, of_labels, of_small_images
from vaex.figures.plots import image_grid, kl_per_dimension, kl_per_layer, learning_curves
from vaex.figures.trained import analogies, components, of_autoencoder, of_model, samples

__all__ = [
    "analogies",
    "components",
    "image_grid",
    "kl_per_dimension",
    "kl_per_layer",
    "learning_curves",
    "of_autoencoder",
    "of_halves",
    "of_labels",
    "of_model",
    "of_small_images",
    "samples",
]
