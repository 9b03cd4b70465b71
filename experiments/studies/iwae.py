"""IWAE's table 1 on MNIST: one and two layers, k = 1, 5 and 50, published and found side by side."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from matplotlib.figure import Figure

from vaex.errors import OptionError
from vaex.runs.folder import RESULTS
from vaex.runs.reports.kept import read_runs
from vaex.runs.words import Run, active, training

from ._trained import run_of


class Cell(NamedTuple):
    """A cell of the table: dynamic binarization, k draws, by the better of the two published estimators."""

    experiment: str
    published: float  # L_5000, nats
    active: str  # published active units


CELLS = {  # (layers, k); Burda, Grosse and Salakhutdinov 2015, table 1
    (1, 1): Cell("mnist_bernoulli_long", -86.76, "19"),
    (1, 5): Cell("mnist_one_layer_k5", -85.54, "22"),
    (1, 50): Cell("mnist_one_layer_k50", -84.78, "25"),
    (2, 1): Cell("mnist_two_layers_k1", -85.33, "16 + 5"),
    (2, 5): Cell("mnist_two_layers_k5", -83.89, "21 + 5"),
    (2, 50): Cell("mnist_two_layers_k50", -82.90, "26 + 7"),
}


def iwae_figure(*, layers: str = "1,2", k: str = "1,5,50") -> tuple[Figure, list[str]]:
    """L_5000 of each cell beside the published one, with its time.

    A cell is read from docs/results, or from a finished run in runs/EXPERIMENT; what is neither is trained now, each as
    `make train EXP=...` does it, and a run that was interrupted is carried on.

    Args:
        layers: stochastic layers of the cells, with commas between.
        k: draws of the cells, with commas between.
    """
    chosen = [(depth, draws) for depth in _numbers("layers", layers, 0) for draws in _numbers("k", k, 1)]
    kept = read_runs(Path())
    found = {cell: _run(CELLS[cell].experiment, kept) for cell in chosen}
    return _drawn(found), [_told(cell, run) for cell, run in found.items()]


def _numbers(option: str, said: str, place: int) -> list[int]:
    """Numbers of cells, by their place in the names of CELLS."""
    known = {str(cell[place]): cell[place] for cell in CELLS}
    if unknown := [word for word in said.split(",") if word not in known]:
        raise OptionError(f"--{option}", unknown[0], f"some of {', '.join(known)}")
    return [known[word] for word in said.split(",")]


def _run(experiment: str, kept: Mapping[str, Run]) -> Run:
    return kept.get(experiment) or json.loads((run_of(experiment) / RESULTS).read_text(encoding="utf-8"))


def _told(cell: tuple[int, int], run: Run) -> str:
    (layers, k), published = cell, CELLS[cell]
    ours = run["test_log_likelihood"]
    return (
        f"{layers} layer{'s' * (layers > 1)}, k = {k}, L_{run['num_samples']}, nats: published {published.published} "
        f"({published.active} active), found {ours:.2f} ({active(run)} active), {ours - published.published:+.2f}, "
        f"{training(run)}{_of_part(run)}"
    )


def _of_part(run: Run) -> str:
    """What a run that is not of the whole of MNIST is of."""
    return "" if run["dataset"] == "mnist" else f"; of {run['dataset']}, so beside what is published it says little"


def _drawn(found: Mapping[tuple[int, int], Run]) -> Figure:
    figure = Figure(figsize=(5, 3.6), layout="constrained")
    axes = figure.subplots()
    for layers, color in ((1, "C0"), (2, "C1")):
        own = {k: run["test_log_likelihood"] for (depth, k), run in found.items() if depth == layers}
        theirs = {k: cell.published for (depth, k), cell in CELLS.items() if depth == layers}
        name = "one layer" if layers == 1 else "two layers"
        axes.plot([*theirs], [*theirs.values()], "--", color=color, marker="o", fillstyle="none", label=f"{name}, IWAE")
        axes.plot([*own], [*own.values()], "-", color=color, marker="o", label=f"{name}, found")
    axes.set(xscale="log", xlabel="draws k", ylabel="L_5000 of test images, nats")
    axes.set_xticks([1, 5, 50], ["1", "5", "50"])
    axes.legend(frameon=False, fontsize="small")
    return figure
