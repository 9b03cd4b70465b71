"""What the command line does with runs: train one, carry it on, evaluate it."""

import functools
import zlib
from pathlib import Path
from typing import Any

from vaex.config import Config, read_config, save_config
from vaex.config.old import is_old
from vaex.config.setup import setup
from vaex.config.task import Task, build_task
from vaex.errors import UsageError
from vaex.runs import folder, results
from vaex.runs.load import naming
from vaex.runs.training import newest_progress, train


def train_new(config: Config, name: str, runs: Path) -> Path:
    """Train, evaluate and draw, in a new folder runs/NAME/TIME."""
    made = setup(config)  # whatever is wrong with the config is said before a folder is made
    results.check_selection(made)
    path = folder.create_run(runs, name)
    folder.write_json(path / folder.DATASET, describe(made.task, name))
    save_config(config, path / folder.CONFIG)
    return train(path, made)


def resume(run: str) -> Path:
    """Carry an unfinished run on; a finished one is evaluated again."""
    path = folder.open_run(run)
    if is_old(folder.read_json(path / folder.CONFIG)):
        raise UsageError(
            f"{path} was trained by an earlier vaex: evaluate and sample it, but train it on by that version"
        )
    with naming(path / folder.CONFIG):
        made = setup(read_config(path / folder.CONFIG))
    check_data(path, made.task)
    return train(path, made)


def evaluate(run: str) -> Path:
    """Write results.json and the figures of a run's best checkpoint again."""
    path = folder.open_run(run)
    with folder.locked(path):
        folder.read_metrics(path)  # what is wrong with it is said before an evaluation
        with naming(path / folder.CONFIG):
            task = build_task(read_config(path / folder.CONFIG))
        check_data(path, task)
        results.write(path, task, newest_progress(path))
    return path


def check_data(path: Path, task: Task) -> None:
    """The data are those that a run was trained on.

    Raises:
        UsageError: they are others.
    """
    before = folder.read_dataset(path)
    now = describe(task, before["experiment"])
    for field in ("dataset", "num_train", "x_shape", "crc32"):
        if now[field] != before[field]:
            raise UsageError(
                f"{path} was trained on {before['dataset']} ({before['num_train']:,} images); found other data, "
                f"{now['dataset']} ({now['num_train']:,} images), in {task.dataset.source}: set VAEX_DATA_DIR, or "
                f"unset it, as it was when the images came from {before['source']}"
            )


def describe(task: Task, name: str) -> dict[str, Any]:
    """The experiment and the data of a run, as its dataset.json has them."""
    images = task.dataset.train.images
    return {
        "experiment": name,
        "dataset": task.label,
        "num_train": len(images),
        "source": task.dataset.source,
        "x_shape": list(images.shape[1:]),
        "num_classes": task.num_classes,
        "crc32": functools.reduce(lambda crc, split: zlib.crc32(split.images.data, crc), task.dataset[3:], 0),
    }
