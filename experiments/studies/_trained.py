"""A run of an experiment for studies that need a trained model: the newest that is finished, or a new one."""

from pathlib import Path

from vaex.runs import commands
from vaex.runs.experiments import load_experiment
from vaex.runs.folder import RESULTS

_RUNS = Path("runs")


def run_of(experiment: str) -> Path:
    """The newest finished run below runs/EXPERIMENT, trained now where there is none."""
    there = sorted((_RUNS / experiment).glob(f"*/{RESULTS}"))
    return there[-1].parent if there else commands.train_new(load_experiment(experiment), experiment, _RUNS)
