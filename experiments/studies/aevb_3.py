"""Figure 3 of auto-encoding variational Bayes: log p(x) of AEVB, wake-sleep and Monte Carlo EM, few and many images."""

import numpy as np
from matplotlib.figure import Figure

from ._aevb import AEVB, MCEM, WAKE_SLEEP, Setup
from ._aevb_curves import KEPT, Curve, curve

SIZES = (1_000, 50_000)  # training images


def aevb_3_figure(*, samples: float = 1e7, kept: str = KEPT) -> tuple[Figure, list[str]]:
    """A panel for each number of training images, and what must show.

    Log p(x) is appendix D's, the mean of 100 training and of 100 test images, binarized by a threshold.

    Args:
        samples: seen by each of the 6 trainings: what gradients of the weights are of, five for each draw of MCEM.
        kept: the folder of the curves, from which those that are there are taken.
    """
    figure, lines = Figure(figsize=(9, 3.8), layout="constrained"), [f"samples seen: {samples:g}"]
    panels = figure.subplots(1, len(SIZES))
    for axes, size in zip(panels, SIZES, strict=True):
        setup = Setup("mnist", 3, 100, size)
        found = {by: curve(setup, by, samples=samples, kept=kept) for by in (AEVB, WAKE_SLEEP, MCEM)}
        for color, (by, one) in zip(("tab:red", "tab:green", "tab:blue"), found.items(), strict=True):
            axes.semilogx(one.samples, one.train, color=color, label=f"{by}, training", marker=".")
            axes.semilogx(one.samples, one.test, color=color, linestyle="--", label=f"{by}, test", marker=".")
        axes.set(xlabel="samples seen", title=f"{size:,} training images")
        lines.append(_order(size, found))
    panels[0].set_ylabel("log p(x), nats")
    panels[0].legend(frameon=False, fontsize="small")
    return figure, lines


def _order(size: int, found: dict[str, Curve]) -> str:
    ends = {by: one.test[-1] for by, one in found.items()}
    others = [end for by, end in ends.items() if by != MCEM]
    said = ", ".join(f"{by} {end:.1f}" for by, end in ends.items())
    return (
        f"{size:,} training images, MCEM ahead of neither: {_yes(ends[MCEM] < np.min(others))}, on test images {said}"
    )


def _yes(shows: bool) -> str:
    return "yes" if shows else "no"
