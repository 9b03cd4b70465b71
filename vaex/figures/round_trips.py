"""Whether encoder and decoder agree: from x to z and back to x, and from z to x and back to z, with their errors."""

from typing import Any, NamedTuple

import jax
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray
from matplotlib.figure import Figure

from vaex.distributions.masked import draw_like
from vaex.distributions.variance import variance
from vaex.evaluate.latents import posterior_mean
from vaex.evaluate.trial import Trial
from vaex.figures.grids import DPI, tile
from vaex.figures.vectors import has_vectors
from vaex.model import first, one_of

_SHOWN, _DRAWS = 12, 500


class RoundTrips(NamedTuple):
    """There and back."""

    x: Float[np.ndarray, "n h w c"]  # test images
    x_again: Float[np.ndarray, "n h w c"]  # E[p(x|z)] at E[z] of q(z|x)
    drawn: Float[np.ndarray, "n h w c"]  # E[p(x|z)], z ~ p(z)
    drawn_again: Float[np.ndarray, "n h w c"]  # the same at E[z] of q(z|x), x ~ p(x|z)
    error: Float[np.ndarray, " d"]  # E[(z - E_q[z])^2], z ~ p(z)
    variance: Float[np.ndarray, " d"] | None  # E[Var_q[z]] of these: as large, if q(z|x) is p(z|x); None: not known


def there_and_back(key: PRNGKeyArray, trial: Trial) -> RoundTrips:
    """Both ways, of some test images and of 500 draws from p(z)."""
    model: Any = trial.model

    def back(k: PRNGKeyArray, x: Array) -> tuple[Array, Array | None]:
        q = model.encode(x)
        return posterior_mean(k, q), variance(q)

    shown = first(trial.x, _SHOWN)
    like = one_of(shown)

    def from_z(k: PRNGKeyArray) -> tuple[Array, Array, Array, Array | None]:
        z_key, x_key, mean_key = jax.random.split(k, 3)
        z = model.prior.sample(z_key)
        p = model.decode(z)
        again, spread = back(mean_key, draw_like(x_key, p, like))
        return p.mean, again, (z - again) ** 2, spread

    @jax.jit
    def both(key: PRNGKeyArray, x: Array) -> tuple[Array, Array, Array, Array, Array | None]:
        mean = lambda z: model.decode(z).mean
        x_again = jax.vmap(lambda one: mean(back(key, one)[0]))(x)
        drawn, again, error, spread = jax.vmap(from_z)(jax.random.split(key, _DRAWS))
        spread = None if spread is None else spread.mean(axis=0)
        return x_again, drawn[:_SHOWN], jax.vmap(mean)(again[:_SHOWN]), error.mean(axis=0), spread

    return RoundTrips(*jax.tree.map(np.asarray, (shown, *both(key, shown))))


def round_trips(key: PRNGKeyArray, trial: Trial) -> Figure | None:
    """x, z, x and z, x, z as images with their errors, and the error of each latent; None where z is no vector."""
    if len(jax.tree.leaves(trial.x)) > 1 or not has_vectors(key, trial):
        return None
    found = there_and_back(key, trial)
    figure = Figure(figsize=(9, 4.2), layout="constrained", dpi=DPI)
    images, latents = figure.subfigures(1, 2, squeeze=False, width_ratios=(5, 4))[0]
    parts = zip(images.subplots(2, 1), ("x, and x again by way of E[z]", "E[p(x|z)], z ~ p(z), and again by way of x"),
                ((found.x, found.x_again), (found.drawn, found.drawn_again)), strict=True)  # fmt: skip
    for axes, title, pair in parts:
        canvas = tile(np.concatenate(pair), columns=len(pair[0]))
        axes.imshow(canvas[..., 0] if canvas.shape[-1] == 1 else canvas, cmap="gray", vmin=0, vmax=1)
        axes.set_axis_off()
        axes.set_title(f"{title}\nroot mean square error {np.sqrt(np.mean((pair[0] - pair[1]) ** 2)):.3f}", fontsize=9)
    axes = latents.subplots()
    order = np.argsort(found.error)
    axes.plot(
        np.arange(1, len(order) + 1), found.error[order], "o", label="E[(z - E$_q$[z])$^2$], z ~ p(z), x ~ p(x|z)"
    )
    if found.variance is not None:
        axes.plot(np.arange(1, len(order) + 1), found.variance[order], "x", label="E[Var$_q$[z]]: equal, if q is exact")
    axes.set(xlabel="latent dimension, sorted", ylim=(0, None))
    axes.set_title(f"root mean square error of z {np.sqrt(found.error.mean()):.3f}", fontsize=9)
    axes.legend(frameon=False, fontsize=8)
    return figure
