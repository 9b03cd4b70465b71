"""Accuracy against the number of labels: M1, M2 and M1+M2, over several seeds."""

import itertools
from collections.abc import Callable
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from vaex.config import override
from vaex.config.stored import read_object
from vaex.runs.experiments import load_experiment
from vaex.runs.folder import RESULTS

from ._trained import run_of

COUNTS = (100, 600, 1000, 3000)
SEEDS = (0, 1, 2)
EXPERIMENTS = {"mnist_m1": "M1", "mnist_m2": "M2", "mnist_m1m2": "M1+M2"}
# Kingma et al. 2014, table 1, M2 and M1+M2 at 100 labels; and an M2 with a classifier term, by somebody else.
PUBLISHED = {
    ("mnist_m2", 100): "0.880 without, 0.932 with a classifier term",
    ("mnist_m2", 600): "0.944 with a classifier term",
    ("mnist_m2", 1000): "0.949 with a classifier term",
    ("mnist_m2", 3000): "0.958 with a classifier term",
    ("mnist_m1m2", 100): "0.967",
}


def train(experiment: str, num_labels: int, seed: int, *, runs: Path = Path("runs/labels")) -> tuple[str, float]:
    """Train an experiment in runs/labels -> the data set's label, and the accuracy on the test set.

    A run on the same data that is there is not trained again, and one that is not finished is carried on.
    """
    flags = [f"--config.data.num_labels={num_labels}", f"--config.seed={seed}", "--config.evaluate.num_samples=1"]
    config = override(load_experiment(experiment), flags)
    path = run_of(experiment, config, runs=runs)
    results = read_object(path / RESULTS, {"dataset": str, "test_accuracy": float})
    return results["dataset"], results["test_accuracy"]


def labels_figure(train: Callable[[str, int, int], tuple[str, float]] = train) -> tuple[Figure, list[str]]:
    """Test accuracy of each model against the number of labels, and a line for each, with its standard error.

    Args:
        train: (experiment, num_labels, seed) -> (the data set, accuracy); the seed also chooses which images keep their
            labels.
    """
    figure = Figure(figsize=(6, 4), layout="constrained")
    axes = figure.subplots()
    lines = []
    for experiment, name in EXPERIMENTS.items():
        datasets, found = zip(*(train(experiment, *run) for run in itertools.product(COUNTS, SEEDS)), strict=True)
        found = np.reshape(found, (len(COUNTS), len(SEEDS)))
        means, errors = found.mean(axis=1), found.std(axis=1, ddof=1) / len(SEEDS) ** 0.5
        axes.errorbar(COUNTS, means, errors, marker="o", capsize=3, label=name)
        for count, mean, error in zip(COUNTS, means, errors, strict=True):
            published = PUBLISHED.get((experiment, count))
            beside = f"; published: {published}" if published else ""
            accuracy = f"accuracy {mean:.4f} ± {error:.4f} of {len(SEEDS)} seeds"
            lines.append(f"{name}, {datasets[0]}, {count} labels: {accuracy}{beside}")
    axes.set_xscale("log")
    axes.set_xticks(COUNTS, [str(count) for count in COUNTS])
    axes.minorticks_off()
    axes.set_xlabel("images with a label")
    axes.set_ylabel("accuracy on the test set")
    axes.legend(frameon=False)
    return figure, lines
