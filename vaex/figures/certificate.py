"""What brackets log p(x), as a picture."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure

from vaex.figures.grids import DPI


def certified(
    counts: Sequence[int],
    bounds: Mapping[str, np.ndarray],
    annealed: Mapping[str, Mapping[str, float]],
    interval: tuple[float, float],
) -> Figure:
    """L_K against K beside annealed importance sampling, of test images and of drawn ones.

    Args:
        counts: each K.
        bounds: by the name of a set of images, the mean L_K for each K, in nats; the last set's log p(x) is bracketed.
        annealed: by the same name, the means by annealed importance sampling by where it starts.
        interval: of the last set's mean log p(x).
    """
    figure = Figure(figsize=(4.5 * len(bounds), 3.8), layout="constrained", dpi=DPI)
    for axes, (name, means) in zip(figure.subplots(1, len(bounds), squeeze=False)[0], bounds.items(), strict=True):
        axes.plot(counts, means, marker=".", label="L$_K$")
        for i, (start, mean) in enumerate(annealed[name].items()):
            axes.axhline(mean, color=f"C{i + 1}", linestyle="--", label=f"AIS from {start}")
        if name == list(bounds)[-1]:
            axes.axhspan(*interval, color="0.8", label="interval")
        axes.set(xscale="log", xlabel="K", ylabel="nats per example", title=name)
        axes.legend(frameon=False)
    return figure
