"""Arrays in, figures out."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import BoundaryNorm, ListedColormap
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from vaex.figures.grids import DPI, image_grid, interleaved
from vaex.files import Json

MEANS = "$E_q[z_1]$", "$E_q[z_2]$"  # the axes of two latents


def titled(figure: Figure, title: str) -> Figure:
    """A figure under a line that says whose it is."""
    where = {} if figure.get_layout_engine() else {"y": 1 - 0.06 / figure.get_figheight(), "va": "top"}
    plain = title.encode("utf-8", "replace").decode()  # a path may have bytes that are no text, and dollars
    figure.suptitle(plain, fontsize=10, fontweight="bold", parse_math=False, **where)
    return figure


def reconstructions(inputs: np.ndarray, means: np.ndarray, *, columns: int = 12) -> Figure:
    """Each input above its reconstruction E[p(x|z)], z ~ q(z|x)."""
    rows = interleaved((inputs, means), columns=columns)
    title = "test images, and below each its reconstruction"
    return image_grid(rows, columns=min(columns, len(inputs)), title=title)


def learning_curves(rows: Sequence[Mapping[str, float]]) -> Figure:
    """The bound and its KL against the epoch, on validation data L_K besides; of an autoencoder log p(x|z) alone."""
    has_bound = any("elbo" in row for row in rows)
    shown = {"elbo": "ELBO", "kl": "KL(q(z|x) || p(z))"} if has_bound else {"log_px_z": "log p(x|z), z = encode(x)"}
    figure = _figure(4.5 * len(shown), 3.8)
    panels = figure.subplots(1, len(shown), squeeze=False)[0]
    for axes, (part, label) in zip(panels, shown.items(), strict=True):
        axes.set_ylabel(f"{label}, nats per example")
        lines = {part: "training", f"validation_{part}": "validation"}
        if part == "elbo":
            lines["validation_log_likelihood"] = "validation, L$_K$\nof the first 500"
        for name, label in lines.items():
            points = [(row["epoch"], row[name]) for row in rows if row.get(name) is not None]
            if points:
                axes.plot(*zip(*points, strict=True), label=label, marker="." if len(points) < 20 else None)
        _of_epochs(axes)
        if axes.lines:
            axes.legend(frameon=False)
        if axes is panels[0]:
            floors = [_robust_floor([row.get(name) for row in rows]) for name in lines]
            axes.set_ylim(bottom=min((floor for floor in floors if floor is not None), default=None))
    return figure


def ranking(labels: Sequence[str], means: Sequence[float], errors: Sequence[float], metric: str) -> Figure:
    """The mean of a metric for each of some settings, the best above, with its standard error; of many the first."""
    shown = min(len(labels), 40)
    figure = _figure(7, 1.2 + 0.28 * shown)
    axes = figure.subplots()
    axes.errorbar(means[:shown], range(shown), xerr=errors[:shown], fmt="o", capsize=3)
    axes.set_yticks(range(shown), labels[:shown])
    axes.invert_yaxis()
    axes.set_xlabel(f"validation {metric}, mean and standard error over seeds")
    return figure


def kl_per_dimension(kls: Sequence[float]) -> Figure:
    """The KL of each latent dimension, the largest first."""
    figure = _figure(7, 2.8)
    axes = figure.subplots()
    axes.bar(range(1, len(kls) + 1), sorted(kls, reverse=True))
    axes.set_xlabel("latent dimension, sorted")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    axes.set_ylabel("KL(q(z$_j$|x) || p(z$_j$)), nats")
    return figure


def kl_per_layer(rows: Sequence[Mapping[str, Json]]) -> Figure:
    """The KL of each layer of a hierarchy against the epoch, from the validations among a run's rows."""
    rows = [row for row in rows if row.get("validation_kl_per_layer") is not None]
    epochs, kls = [row["epoch"] for row in rows], np.array([row["validation_kl_per_layer"] for row in rows])
    figure = _figure(7, 3.2)
    axes = figure.subplots()
    for layer, line in enumerate(kls.T, start=1):
        axes.plot(epochs, line, label=f"$z_{layer}$: {line[-1]:.2f}", marker="." if len(rows) < 20 else None)
    axes.set_ylim(bottom=kls.min(initial=0.0))
    _of_epochs(axes)
    axes.set_ylabel("KL of a layer on\nvalidation data, nats per example")
    if len(rows):
        axes.legend(frameon=False, title="at the end")
    return figure


def latent_scatter(means: np.ndarray, labels: np.ndarray, *, axes_names: tuple[str, str] = MEANS) -> Figure:
    """Posterior means of a two-dimensional latent space, coloured by label."""
    figure = _figure(6, 5.2)
    axes = figure.subplots()
    known = labels >= 0
    dots = {"s": float(np.clip(600 / len(means) ** 0.5, 5, 40)), "alpha": 0.8, "linewidths": 0}
    if not known.all():
        axes.scatter(*means[~known].T, c="grey", **dots)
    if known.any():
        classes, indices = np.unique(labels[known], return_inverse=True)
        colours = ListedColormap(_colours(len(classes)))
        norm = BoundaryNorm(np.arange(len(classes) + 1) - 0.5, len(classes))
        axes.scatter(*means[known].T, c=indices, cmap=colours, norm=norm, **dots)
        ticks = np.arange(0, len(classes), -(-len(classes) // 25))
        bar = figure.colorbar(ScalarMappable(norm, colours), ax=axes, label="label", ticks=ticks)
        bar.ax.set_yticklabels([str(label) for label in classes[ticks]])
        bar.minorticks_off()
        bar.ax.tick_params(length=0)
    axes.set_title("posterior means of the test examples", fontsize=10)
    axes.set_xlabel(axes_names[0])
    axes.set_ylabel(axes_names[1])
    axes.set_aspect("equal")
    return figure


def traversal_points(z: np.ndarray, dims: Sequence[int], *, steps: int = 11, reach: float = 3.0) -> np.ndarray:
    """One latent point moved along each of some dimensions from -reach to reach: [len(dims) * steps, d]."""
    points = np.tile(z, (len(dims), steps, 1))
    for row, dim in enumerate(dims):
        points[row, :, dim] = np.linspace(-reach, reach, steps)
    return points.reshape(-1, z.shape[-1])


def _figure(width: float, height: float) -> Figure:
    return Figure(figsize=(width, height), layout="constrained", dpi=DPI)


def _of_epochs(axes: Axes) -> None:
    """There is no epoch between two."""
    axes.set_xlabel("epoch")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))


def _colours(num: int) -> Any:
    """As many colours as there are classes, none of them twice."""
    if num <= 20:
        return colormaps["tab10" if num <= 10 else "tab20"].colors[:num]  # pyright: ignore[reportAttributeAccessIssue]
    return colormaps["turbo"](np.linspace(0, 1, num))


def _robust_floor(values: Sequence[float | None]) -> float | None:
    """Keep a first epoch far below the rest from flattening the curve; None where nothing is known."""
    known = np.array(values, float)  # None is nan, so that what is left out is the same epochs of each line
    later = known[len(known) // 10 :]
    later = later[np.isfinite(later)]
    if not later.size:
        return None
    return later.min() - 0.3 * (known[np.isfinite(known)].max() - later.min()) - 1
