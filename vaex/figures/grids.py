"""Images side by side, each pixel of them a whole number of the figure's."""

import textwrap
from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

DPI = 200  # twice what a screen shows of an inch, and more
_LINE, _GAP, _NAMES = 0.19, 0.08, 0.42  # inches: a line of a title, a margin, the names of rows or of columns


def tile(images: np.ndarray, *, columns: int, gap: int = 1) -> np.ndarray:
    """Images side by side in rows of `columns`, with a white gap: [N, H, W, C] in [0, 1] -> [H', W', C]."""
    n, h, w, c = images.shape
    rows = -(-n // columns)
    canvas = np.ones((rows * (h + gap) - gap, columns * (w + gap) - gap, c), np.float32)
    for i, image in enumerate(images):
        top, left = (i // columns) * (h + gap), (i % columns) * (w + gap)
        canvas[top : top + h, left : left + w] = np.clip(image, 0, 1)
    return canvas


def interleaved(parts: Sequence[np.ndarray], *, columns: int) -> np.ndarray:
    """Rows of images, below each row those of the other parts; where there are more than one row, full ones alone."""
    num = len(parts[0]) // columns * columns or len(parts[0])
    return np.concatenate([part[i : min(i + columns, num)] for i in range(0, num, columns) for part in parts])


def image_grid(
    images: np.ndarray,
    *,
    columns: int,
    title: str,
    inches: float = 7.0,
    row_names: Sequence[str] = (),
    column_names: Sequence[str] = (),
) -> Figure:
    """A figure of tiled images, with room for a line above its title.

    Args:
        images: [N, H, W, C] in [0, 1].
        columns: in a row.
        title: of the figure; wrapped.
        inches: about how wide it is.
        row_names: what stands left of each row.
        column_names: what stands above each column.
    """
    canvas = tile(images, columns=columns)
    height, width, channels = canvas.shape
    scale = max(1, round(inches * DPI / width)) / DPI  # inches for a pixel
    lines = textwrap.wrap(title, max(20, int(12 * (scale * width))))
    left = _NAMES if row_names else _GAP
    top = _LINE * (len(lines) + 1) + _GAP + (_NAMES if column_names else _GAP)
    whole = np.ceil(np.array([left + scale * width + _GAP, _GAP + scale * height + top]) * DPI) / DPI
    figure = Figure(figsize=tuple(whole), dpi=DPI)
    corner = np.round(np.array([left, _GAP]) * DPI) / DPI
    axes = figure.add_axes((*(corner / whole), *(np.array([width, height]) * scale / whole)))
    if channels == 1:
        axes.imshow(canvas[..., 0], cmap="gray", vmin=0, vmax=1, interpolation="nearest", aspect="auto")
    else:
        axes.imshow(canvas, interpolation="nearest", aspect="auto")
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0, labelsize=8, pad=2, top=False, labeltop=True, bottom=False, labelbottom=False)
    h, w = images.shape[1:3]
    axes.set_xticks([i * (w + 1) + (w - 1) / 2 for i in range(len(column_names))], column_names)
    axes.set_yticks([i * (h + 1) + (h - 1) / 2 for i in range(len(row_names))], row_names)
    below_top = 1 - (_GAP + _LINE) / whole[1]
    figure.text(0.5, below_top, "\n".join(lines), ha="center", va="top", fontsize=10, linespacing=1.15)
    return figure
