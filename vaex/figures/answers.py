"""What a trained model answers about images, as pictures."""

import numpy as np
from matplotlib.figure import Figure

from vaex.figures.grids import image_grid, interleaved

_COLUMNS, _ROWS = 12, 10  # that are shown


def reconstructed(images: np.ndarray, means: np.ndarray) -> Figure:
    """Images in [0, 1], [N, H, W, C], and below each its reconstruction."""
    return _rows([images, means], ["x", "mean"], "images, and below each E[p(x|z)], z the mean of q(z|x)")


def imputed(images: np.ndarray, mask: np.ndarray, means: np.ndarray) -> Figure:
    """What is observed of images, grey where nothing is, and below each the conditional mean of the rest."""
    observed = np.where(mask, images, np.float32(0.5))
    return _rows([observed, means], ["x$_{obs}$", "mean"], "what is observed of images, and below each E[x|x$_{obs}$]")


def paths(images: np.ndarray) -> Figure:
    """Paths between two images, [N, steps, H, W, C], a row each."""
    shown = images[:_ROWS]
    title = "E[p(x|z)], z on the line between the posterior means of two images"
    return image_grid(shown.reshape(-1, *shown.shape[2:]), columns=shown.shape[1], title=title)


def _rows(parts: list[np.ndarray], names: list[str], title: str) -> Figure:
    """The first images in full rows, the parts of each below one another."""
    rows = interleaved([part[: 4 * _COLUMNS] for part in parts], columns=_COLUMNS)
    columns = min(_COLUMNS, len(parts[0]))
    return image_grid(rows, columns=columns, title=title, row_names=names * (len(rows) // columns // len(parts)))
