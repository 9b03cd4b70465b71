"""Figure 2 of auto-encoding variational Bayes: the ELBO against the samples seen, beside wake-sleep, by latents."""

from matplotlib.figure import Figure

from ._aevb import AEVB, WAKE_SLEEP, Setup
from ._aevb_curves import KEPT, Curve, curve

PANELS = {  # title -> setups, the one with the most latents last
    "MNIST": [Setup("mnist", n, 500) for n in (3, 5, 10, 20, 200)],
    "Frey Face": [Setup("frey_face", n, 200) for n in (2, 5, 10, 20)],
}


def aevb_2_figure(*, samples: float = 1e7, kept: str = KEPT) -> tuple[Figure, list[str]]:
    """A panel for each number of latents, and what must show.

    Args:
        samples: seen by each of the 18 trainings.
        kept: the folder of the curves, from which those that are there are taken.
    """
    figure, lines = Figure(figsize=(13, 5.4), layout="constrained"), []
    columns = max(map(len, PANELS.values()))
    panels = figure.subplots(len(PANELS), columns)
    both = lambda setup: [curve(setup, by, samples=samples, kept=kept) for by in (AEVB, WAKE_SLEEP)]
    found = {title: [both(setup) for setup in PANELS[title]] for title in reversed(PANELS)}  # what may be missing first
    for row, title in zip(panels, PANELS, strict=True):
        pairs = found[title]
        for axes, pair in zip(row, pairs, strict=False):
            _draw(axes, pair)
            axes.set_title(f"{title}, {pair[0].setup.latent_dim} latents", fontsize=10)
            lines.append(_above(title, *pair))
        for axes in row[: len(pairs)]:
            axes.set_ylim(*_range(pairs))
        for axes in row[len(pairs) :]:
            axes.set_axis_off()
        row[0].set_ylabel("ELBO, nats")
        lines.append(_fits(title, *(pairs[i][0] for i in (0, -1))))
    handles, labels = panels[0][0].get_legend_handles_labels()
    panels[-1][-1].legend(handles, labels, frameon=False, loc="center")
    return figure, [f"samples seen: {samples:g}", *lines]


def _draw(axes, pair: list[Curve]) -> None:
    for color, found in zip(("tab:red", "tab:green"), pair, strict=True):
        axes.semilogx(found.samples, found.train, color=color, label=f"{found.algorithm}, training")
        axes.semilogx(found.samples, found.test, color=color, linestyle="--", label=f"{found.algorithm}, test")
    axes.set_xlabel("samples seen", fontsize=9)


def _range(pairs: list[list[Curve]]) -> tuple[float, float]:
    """From the lowest end of a curve of AEVB's, and some more, to the highest; wake-sleep's may be far below."""
    low, high = (f(pair[0].test[-1] for pair in pairs) for f in (min, max))
    return low - (high - low), high + 0.2 * (high - low)


def _above(title: str, ours: Curve, theirs: Curve) -> str:
    above = ours.test > theirs.test
    return (
        f"{title}, {ours.setup.latent_dim} latents, AEVB above wake-sleep on test images: "
        f"{'yes' if above.all() else 'no'}, at {above.sum()} of {len(above)} counts of samples, at the end "
        f"{ours.test[-1]:.1f} and {theirs.test[-1]:.1f} nats"
    )


def _fits(title: str, least: Curve, most: Curve) -> str:
    fall = max(most.test) - most.test[-1]
    return (
        f"{title}, how far superfluous latents overfit: with {most.setup.latent_dim} the test ELBO ends at "
        f"{most.test[-1]:.1f} nats, {fall:.1f} below its best and {most.train[-1] - most.test[-1]:.1f} below that of "
        f"training images; with {least.setup.latent_dim} {least.train[-1] - least.test[-1]:.1f} below that"
    )
