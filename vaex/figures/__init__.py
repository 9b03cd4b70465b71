"""Figures: arrays in, pictures out; those of a trained model by their names."""

from vaex.figures.answers import imputed, paths, reconstructed
from vaex.figures.certificate import certified
from vaex.figures.grids import image_grid
from vaex.figures.plots import kl_per_dimension, kl_per_layer, learning_curves, ranking, titled
from vaex.figures.trained import FIGURES, of_samples

__all__ = [
    "FIGURES",
    "certified",
    "image_grid",
    "imputed",
    "kl_per_dimension",
    "kl_per_layer",
    "learning_curves",
    "of_samples",
    "paths",
    "ranking",
    "reconstructed",
    "titled",
]
