"""Figure 4 of auto-encoding variational Bayes: what two latents have learned of Frey Face and of MNIST."""

import jax
import jax.numpy as jnp
import numpy as np
from matplotlib.figure import Figure

from vaex.figures.charts import manifold_grid
from vaex.figures.grids import tile

from ._aevb import AEVB, Setup
from ._aevb_curves import KEPT, Curve, curve

SIDES = {"Frey Face": (Setup("frey_face", 2, 200), 10), "MNIST": (Setup("mnist", 2, 500), 20)}  # images along a side


def aevb_4_figure(*, samples: float = 1e7, kept: str = KEPT) -> tuple[Figure, list[str]]:
    """E[p(x|z)] with z on the inverse normal CDF of a grid.

    Args:
        samples: seen in training.
        kept: the folder of what is trained, from which what is there is taken.
    """
    figure, lines = Figure(figsize=(11.5, 6.2), layout="constrained"), [f"samples seen: {samples:g}"]
    for axes, (title, (setup, side)) in zip(figure.subplots(1, 2), SIDES.items(), strict=True):
        found = curve(setup, AEVB, samples=samples, kept=kept)
        show(axes, decoded(found, jnp.asarray(manifold_grid(side))), columns=side, title=f"{title}, two latents")
        lines.append(f"{title}, ELBO of test images, nats: {found.test[-1]:.1f}")
    return figure, lines


def decoded(found: Curve, z: jax.Array) -> np.ndarray:
    """E[p(x|z)] of each z."""
    model = found.model
    return np.asarray(jax.jit(jax.vmap(lambda z: model.decode(z).mean))(z))  # pyright: ignore[reportAttributeAccessIssue]


def show(axes, images: np.ndarray, *, columns: int, title: str) -> None:
    """Images side by side in a panel."""
    axes.imshow(tile(images, columns=columns, gap=0)[..., 0], cmap="gray", vmin=0, vmax=1)
    axes.set_title(title, fontsize=10)
    axes.set_axis_off()
