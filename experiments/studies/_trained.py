"""A run of an experiment for studies that need a trained model: one that is there, carried on, or a new one."""

from pathlib import Path

from vaex.config import equal, read_config
from vaex.data import Split
from vaex.data.inputs import of_split
from vaex.errors import UsageError
from vaex.model import Example, Model
from vaex.runs import commands
from vaex.runs.experiments import load_experiment
from vaex.runs.folder import CONFIG, RESULTS, shown
from vaex.runs.load import load

_RUNS = Path("runs")


def run_of(experiment: str) -> Path:
    """A finished run of the experiment as it is: the newest below runs/EXPERIMENT, else the newest carried on, or new.

    Raises:
        UsageError: it was interrupted.
    """
    config = load_experiment(experiment)
    there = sorted((_RUNS / experiment).glob(f"*/{CONFIG}"), key=lambda file: file.stat().st_mtime, reverse=True)
    same = [file.parent for file in there if equal(read_config(file), config)]
    finished = [path for path in same if (path / RESULTS).is_file()]
    if finished:
        return finished[0]
    path = commands.resume(str(same[0])) if same else commands.train_new(config, experiment, _RUNS)
    if not (path / RESULTS).is_file():
        raise UsageError(f"{shown(path)} was interrupted: the same command carries it on")
    return path


def with_test_images(experiment: str, num_images: int) -> tuple[Model, Example]:
    """The model of a run of the experiment, and the first test images as it sees them."""
    path = run_of(experiment)
    run, test = load(path), commands.open_task(path).dataset.test
    return run.bind(), run.preprocess(of_split(Split(test.images[:num_images], test.labels[:num_images]), run.kept))
