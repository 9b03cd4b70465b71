"""A run of an experiment for studies that need a trained model: one that is there, carried on, or a new one."""

import contextlib
from pathlib import Path

from vaex.config import Config, equal, read_config
from vaex.config.task import build_task
from vaex.data import Split
from vaex.data.given.inputs import of_split
from vaex.errors import UsageError
from vaex.model import Example, Model
from vaex.runs import commands
from vaex.runs.experiments import load_experiment
from vaex.runs.folder import CONFIG, ORIGIN, RESULTS, read_dataset, shown
from vaex.runs.load import load

_RUNS = Path("runs")


def run_of(experiment: str, config: Config | None = None, *, runs: Path = _RUNS) -> Path:
    """A finished run on the data that are found here: the newest in runs/EXPERIMENT, else one carried on, or a new one.

    Args:
        experiment: its name.
        config: what is run; None for the experiment as it is.
        runs: the folder of runs.

    Raises:
        UsageError: it was interrupted.
    """
    config = load_experiment(experiment) if config is None else config
    there = _runs_there(runs / experiment, config)
    if there:
        crc32 = commands.describe(build_task(config), experiment)["crc32"]
        there = [path for path in there if read_dataset(path)["crc32"] == crc32]
    finished = [path for path in there if (path / RESULTS).is_file()]
    if finished:
        return finished[0]
    path = commands.resume(str(there[0])) if there else commands.train_new(config, experiment, runs)
    if not (path / RESULTS).is_file():
        raise UsageError(f"{shown(path)} was interrupted: the same command carries it on")
    return path


def _runs_there(folder: Path, config: Config) -> list[Path]:
    """Those of a config that started anew, the newest first; one that cannot be read is passed over."""
    found = []
    for file in sorted(folder.glob(f"*/{CONFIG}"), key=lambda file: file.stat().st_mtime, reverse=True):
        with contextlib.suppress(UsageError):
            read_dataset(file.parent)
            if equal(read_config(file), config) and not (file.parent / ORIGIN).exists():
                found.append(file.parent)
    return found


def with_test_images(experiment: str, num_images: int) -> tuple[Model, Example]:
    """The model of a run of the experiment, and the first test images as it sees them."""
    path = run_of(experiment)
    run, test = load(path), commands.open_task(path).dataset.test
    return run.bind(), run.preprocess(of_split(Split(test.images[:num_images], test.labels[:num_images]), run.kept))
