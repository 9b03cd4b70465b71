"""Figure 5 of auto-encoding variational Bayes: what is drawn from it with 2, 5, 10 and 20 latents."""

import jax
from matplotlib.figure import Figure

from ._aevb import AEVB, Setup
from ._aevb_curves import KEPT, curve
from .aevb_4 import decoded, show

LATENTS = (2, 5, 10, 20)


def aevb_5_figure(*, samples: float = 1e7, kept: str = KEPT) -> tuple[Figure, list[str]]:
    """E[p(x|z)] for z drawn from the prior, of MNIST.

    Args:
        samples: seen in training.
        kept: the folder of what is trained, from which what is there is taken.
    """
    figure, lines = Figure(figsize=(13, 3.6), layout="constrained"), [f"samples seen: {samples:g}"]
    for axes, latents in zip(figure.subplots(1, len(LATENTS)), LATENTS, strict=True):
        found = curve(Setup("mnist", latents, 500), AEVB, samples=samples, kept=kept)
        z = jax.random.normal(jax.random.key(0), (100, latents))
        show(axes, decoded(found, z), columns=10, title=f"{latents} latents")
        lines.append(f"{latents} latents, ELBO of test images, nats: {found.test[-1]:.1f}")
    return figure, lines
