"""Arrays in, figures out."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from scipy.special import ndtri


def tile(images: np.ndarray, *, columns: int, gap: int = 1) -> np.ndarray:
    """Images side by side in rows of `columns`, with a white gap: [N, H, W, C] in [0, 1] -> [H', W', C]."""
    n, h, w, c = images.shape
    rows = -(-n // columns)
    canvas = np.ones((rows * (h + gap) - gap, columns * (w + gap) - gap, c), np.float32)
    for i, image in enumerate(images):
        top, left = (i // columns) * (h + gap), (i % columns) * (w + gap)
        canvas[top : top + h, left : left + w] = np.clip(image, 0, 1)
    return canvas


def image_grid(images: np.ndarray, *, columns: int, title: str, inches: float = 7.0) -> Figure:
    """A figure of tiled images, [N, H, W, C] in [0, 1]."""
    canvas = tile(images, columns=columns)
    height = inches * canvas.shape[0] / canvas.shape[1]
    figure = Figure(figsize=(inches, height + 0.35), layout="constrained")
    axes = figure.subplots()
    if canvas.shape[-1] == 1:
        axes.imshow(canvas[..., 0], cmap="gray", vmin=0, vmax=1, interpolation="nearest")
    else:
        axes.imshow(canvas, interpolation="nearest")
    axes.set_axis_off()
    axes.set_title(title, fontsize=10, wrap=True)
    return figure


def reconstructions(inputs: np.ndarray, means: np.ndarray, *, columns: int = 12) -> Figure:
    """Each input above its reconstruction E[p(x|z)], z ~ q(z|x)."""
    n = len(inputs) // columns * columns or len(inputs)
    columns = min(columns, n)
    pairs = [part[i : i + columns] for i in range(0, n, columns) for part in (inputs, means)]
    return image_grid(np.concatenate(pairs), columns=columns, title="test images, and below each its reconstruction")


def learning_curves(rows: Sequence[Mapping[str, float]]) -> Figure:
    """The bound and its KL against the epoch, on validation data L_K besides; of an autoencoder log p(x|z) alone."""
    has_bound = any("elbo" in row for row in rows)
    shown = {"elbo": "ELBO", "kl": "KL(q(z|x) || p(z))"} if has_bound else {"log_px_z": "log p(x|z), z = encode(x)"}
    figure = Figure(figsize=(4.5 * len(shown), 3.4), layout="constrained")
    panels = figure.subplots(1, len(shown), squeeze=False)[0]
    for axes, (part, label) in zip(panels, shown.items(), strict=True):
        axes.set_ylabel(f"{label}, nats per example")
        lines = {part: "training", f"validation_{part}": "validation"}
        if part == "elbo":
            lines["validation_log_likelihood"] = "validation, L_K"
        for name, label in lines.items():
            points = [(row["epoch"], row[name]) for row in rows if row.get(name) is not None]
            if points:
                axes.plot(*zip(*points, strict=True), label=label, marker="." if len(points) < 20 else None)
        axes.set_xlabel("epoch")
        if axes.lines:
            axes.legend(frameon=False)
    drawn = [value for row in rows if (value := row.get(next(iter(shown)))) is not None]
    if drawn:
        panels[0].set_ylim(bottom=_robust_floor(drawn))
    return figure


def kl_per_dimension(kls: Sequence[float]) -> Figure:
    """The KL of each latent dimension, the largest first."""
    figure = Figure(figsize=(7, 2.8), layout="constrained")
    axes = figure.subplots()
    axes.bar(range(len(kls)), sorted(kls, reverse=True))
    axes.set_xlabel("latent dimension, sorted")
    axes.set_ylabel("KL(q(z$_j$|x) || p(z$_j$)), nats")
    return figure


def kl_per_layer(rows: Sequence[Mapping[str, Any]]) -> Figure:
    """The KL of each layer of a hierarchy against the epoch, from the validations among a run's rows."""
    rows = [row for row in rows if row.get("validation_kl_per_layer") is not None]
    epochs, kls = [row["epoch"] for row in rows], np.array([row["validation_kl_per_layer"] for row in rows])
    figure = Figure(figsize=(7, 3.2), layout="constrained")
    axes = figure.subplots()
    for layer, line in enumerate(kls.T, start=1):
        axes.plot(epochs, line, label=f"$z_{layer}$: {line[-1]:.2f}", marker="." if len(rows) < 20 else None)
    axes.set_ylim(bottom=kls.min(initial=0.0))
    axes.set_xlabel("epoch")
    axes.set_ylabel("KL of a layer on\nvalidation data, nats per example")
    if len(rows):
        axes.legend(frameon=False, title="at the end")
    return figure


def latent_scatter(means: np.ndarray, labels: np.ndarray) -> Figure:
    """Posterior means of a two-dimensional latent space, coloured by label."""
    figure = Figure(figsize=(6, 5.2), layout="constrained")
    axes = figure.subplots()
    known = labels >= 0
    if not known.all():
        axes.scatter(*means[~known].T, c="grey", s=3, alpha=0.6, linewidths=0)
    if known.any():
        dots = axes.scatter(*means[known].T, c=labels[known], cmap="tab10", s=3, alpha=0.6, linewidths=0)
        figure.colorbar(dots, ax=axes, label="label", ticks=np.unique(labels[known]))
    axes.set_xlabel("$E_q[z_1]$")
    axes.set_ylabel("$E_q[z_2]$")
    axes.set_aspect("equal")
    return figure


def manifold_grid(side: int) -> np.ndarray:
    """Points of a square grid through the inverse normal CDF, so that each stands for equal prior mass: [side^2, 2].

    Source: Kingma and Welling 2013, figure 4.
    """
    u = ndtri((np.arange(side) + 0.5) / side)
    return np.stack([np.tile(u, side), np.repeat(u[::-1], side)], axis=-1).astype(np.float32)


def traversal_points(z: np.ndarray, dims: Sequence[int], *, steps: int = 11, reach: float = 3.0) -> np.ndarray:
    """One latent point moved along each of some dimensions from -reach to reach: [len(dims) * steps, d]."""
    points = np.tile(z, (len(dims), steps, 1))
    for row, dim in enumerate(dims):
        points[row, :, dim] = np.linspace(-reach, reach, steps)
    return points.reshape(-1, z.shape[-1])


def _robust_floor(values: Sequence[float | None]) -> float | None:
    """Keep a first epoch far below the rest from flattening the curve; None where nothing is known."""
    known = np.array(values, float)  # None is nan
    later = known[len(known) // 10 :]
    later = later[np.isfinite(later)]
    if not later.size:
        return None
    return later.min() - 0.3 * (known[np.isfinite(known)].max() - later.min()) - 1
