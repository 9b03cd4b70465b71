"""What an optimizer buys: nats of validation images against seconds of training, the best setting of each of six."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from vaex.errors import OptionError, check_positive, check_whole

from ._raced import Curve, Length, Setting, curve

# Of each optimizer three learning rates, with every batch size.
RATES = {
    "adam": (2e-3, 4e-3, 8e-3),
    "adamax": (4e-3, 8e-3, 1.6e-2),
    "adan": (2e-3, 4e-3, 8e-3),
    "lion": (4e-4, 8e-4, 1.6e-3),
    "muon": (3e-2, 6e-2, 1.2e-1),
    "schedule_free_adamw": (2e-3, 4e-3, 8e-3),
}
BATCH_SIZES = (100, 1000)


def optimizers_figure(
    *,
    experiment: str = "mnist_bernoulli",
    optimizers: str = ",".join(RATES),
    seconds: float = 60.0,
    num_epochs: int = 0,
    bound: float = -95.0,
    kept: str = "runs/optimizers",
) -> tuple[Figure, list[str]]:
    """The best curves, and beside them where all settings end.

    Every setting trains for about the same seconds, by the pace of its second epoch; compilation and scores are left
    out. The nats are the bound L_K of the run's validation, on 500 images that nothing is trained on, by which the
    best setting of each is picked too; no test image is looked at.

    Args:
        experiment: whose model, data and objective are trained.
        optimizers: names of those above, with commas between.
        seconds: of each training.
        num_epochs: of each training, in the place of seconds.
        bound: the nats to which the time is told.
        kept: the folder of the curves, from which those that are there are taken.
    """
    check_positive(seconds=seconds)
    check_whole(0, num_epochs=num_epochs)
    names = optimizers.split(",")
    if unknown := [name for name in names if name not in RATES]:
        raise OptionError("optimizers", unknown[0], f"some of {', '.join(RATES)}")
    length = Length(seconds, num_epochs or None)
    race = lambda name, rate, size: curve(experiment, Setting(name, rate, size), length, folder=kept)
    found = {name: [race(name, rate, size) for size in BATCH_SIZES for rate in RATES[name]] for name in names}
    best = sorted((max(curves, key=_end) for curves in found.values()), key=_end, reverse=True)
    return _drawn(best, found, bound), [_told(one, bound) for one in best]


def _end(found: Curve) -> float:
    return float(found.nats[-1])


def _told(best: Curve, bound: float) -> str:
    (name, rate, size), reached = best.setting, best.seconds_to(bound)
    edge = ", the edge of its rates" if rate in (min(RATES[name]), max(RATES[name])) else ""
    when = f"{bound:g} nats after {reached:.1f} s" if np.isfinite(reached) else f"{bound:g} nats are not reached"
    return (
        f"{name}, learning rate {rate:g}{edge}, batches of {size:,}: {_end(best):.2f} nats after "
        f"{best.seconds[-1]:.0f} s, {best.num_epochs} epochs; {when}"
    )


def _drawn(best: Sequence[Curve], found: dict[str, list[Curve]], bound: float) -> Figure:
    figure = Figure(figsize=(10, 4), layout="constrained")
    left, right = figure.subplots(1, 2)
    for i, one in enumerate(best):
        name, rate, size = one.setting
        left.plot(one.seconds, one.nats, color=f"C{i}", marker=".", label=f"{name}, {rate:g}, batches of {size:,}")
        for batch_size, line in zip(BATCH_SIZES, ("--", "-"), strict=True):
            curves = [other for other in found[name] if other.setting.batch_size == batch_size]
            rates, ends = [other.setting.learning_rate for other in curves], [_end(other) for other in curves]
            right.plot(rates, ends, line, color=f"C{i}", marker="o")
    top = max(_end(one) for one in best)
    left.axhline(bound, color="grey", linestyle=":")
    left.set(xlabel="seconds of training", ylabel="log-likelihood of validation images, nats")
    left.legend(frameon=False, fontsize="small")
    right.set(xscale="log", xlabel="learning rate", title=f"where all end; dashed, batches of {BATCH_SIZES[0]}")
    for axes in (left, right) if np.isfinite(top) else ():
        axes.set_ylim(top - 15, top + 1)
    return figure
