"""Figures of a density in the plane."""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray
from matplotlib.figure import Figure

from vaex.evaluate.quadrature import has_a_grid, log_marginal
from vaex.evaluate.scores import log_likelihood, map_examples
from vaex.evaluate.trial import Trial
from vaex.figures.grids import DPI

_MARGIN = 0.2  # of the data's width, around them


def density(key: PRNGKeyArray, trial: Trial, *, side: int = 80) -> Figure | None:
    """Test points beside p(x) on a grid, by importance sampling where there are more than two latents.

    None under a condition, and of what is no two real numbers.
    """
    if [leaf.shape[1:] for leaf in jax.tree.leaves(trial.x)] != [(2,)]:
        return None
    if any(column.type != "real" for column in trial.dataset.columns):
        return None
    axes, p = grid(key, trial, side=side)
    share = p.sum() * (axes[0][1] - axes[0][0]) * (axes[1][1] - axes[1][0])
    figure = Figure(figsize=(9, 4.4), layout="constrained", dpi=DPI)
    left, right = figure.subplots(1, 2, sharex=True, sharey=True)
    half = [(axis[1] - axis[0]) / 2 for axis in axes]  # of a cell, whose middle a point of the grid is
    extent = (axes[0][0] - half[0], axes[0][-1] + half[0], axes[1][0] - half[1], axes[1][-1] + half[1])
    left.scatter(*np.asarray(trial.x).T, s=2, alpha=0.6, linewidths=0)
    left.set_title("test points", fontsize=10)
    image = right.imshow(p, origin="lower", extent=extent, cmap="magma", vmin=0)
    right.set_title(f"p(x), of which {share:.3f} lies in the square", fontsize=10)
    figure.colorbar(image, ax=right)
    for panel in (left, right):
        panel.set_xlim(extent[:2])
        panel.set_ylim(extent[2:])
        panel.set_aspect("equal")
        panel.set_xlabel("$x_1$")
    left.set_ylabel("$x_2$")
    return figure


def grid(
    key: PRNGKeyArray, trial: Trial, *, side: int = 80
) -> tuple[tuple[Float[np.ndarray, " w"], Float[np.ndarray, " h"]], Float[np.ndarray, "h w"]]:
    """The two axes of a grid of `side` points along each, and p(x) of its points."""
    x = np.asarray(trial.x)
    low, high = x.min(axis=0), x.max(axis=0)
    reach = _MARGIN * (high - low)
    axes = np.linspace(low - reach, high + reach, side).T
    points = jnp.asarray(np.stack(np.meshgrid(*axes), axis=-1).reshape(-1, 2), jnp.float32)
    return (axes[0], axes[1]), np.exp(np.asarray(_log_p(key, trial, points))).reshape(side, side)


def _log_p(key: PRNGKeyArray, trial: Trial, points: Float[Array, "n 2"]) -> Float[Array, " n"]:
    if has_a_grid(trial.model.prior):
        return jax.jit(lambda x: log_marginal(key, trial.model, x))(points)
    sizes = {"num_samples": trial.num_samples, "chunk_size": trial.chunk_size}
    one = lambda k, x: log_likelihood(k, trial.model, x, **sizes)
    return jax.jit(lambda x: map_examples(one, key, x, batch_size=trial.batch_size))(points)
