"""A run of an experiment for studies that need a trained model: the newest that is finished, or a new one."""

from pathlib import Path

from vaex.config import equal, read_config
from vaex.runs import commands
from vaex.runs.experiments import load_experiment
from vaex.runs.folder import CONFIG, RESULTS

_RUNS = Path("runs")


def run_of(experiment: str) -> Path:
    """The newest finished run of the experiment as it is below runs/EXPERIMENT, trained now where there is none."""
    config = load_experiment(experiment)
    there = sorted((_RUNS / experiment).glob(f"*/{RESULTS}"), key=lambda file: file.stat().st_mtime, reverse=True)
    same = (file.parent for file in there if equal(read_config(file.parent / CONFIG), config))
    return next(same, None) or commands.train_new(config, experiment, _RUNS)
