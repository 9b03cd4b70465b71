"""What the command line does with runs: train one, carry it on, evaluate it."""

import dataclasses
import functools
import zlib
from collections.abc import Sequence
from pathlib import Path

import jax
import numpy as np

from vaex.config import Config, override, read_config, save_config
from vaex.config.setup import setup
from vaex.config.task import Task, build_task
from vaex.data import Split
from vaex.data.given.as_trained import stored_of
from vaex.data.given.inputs import read_given
from vaex.data.given.kept import GivenImages
from vaex.data.npz import checksum
from vaex.errors import UsageError, check_whole
from vaex.files import Fields, advising
from vaex.runs import console, devices, folder, origin, results
from vaex.runs.alike import check_alike
from vaex.runs.create import check_name, create_run
from vaex.runs.load import kept_of, naming
from vaex.runs.process import interruptible
from vaex.runs.training import newest_progress, train


def train_new(
    config: Config, name: str, runs: Path, *, called: str | None = None, start: Path | None = None, command: str = ""
) -> Path:
    """Train, evaluate and draw, in a new folder runs/NAME/TIME, or TIME_CALLED.

    Args:
        config: what to train.
        name: of the experiment.
        runs: where run folders are made.
        called: what the run is called.
        start: the folder of the run whose parameters it starts from.
        command: that it is made by, which its folder keeps.
    """
    check_name(called)
    made = setup(config)  # whatever is wrong with the config is said before a folder is made
    results.check_selection(made)
    devices.check(made.task.experiment.train.devices)
    files = {}
    if start is not None:
        state = origin.start_from(start, made)
        files = {
            folder.ORIGIN: lambda path: folder.write_json(path, origin.describe(start)),
            folder.CHECKPOINTS: lambda path: origin.write_start(path.parent, state),
        }
    files |= {  # last, since they make it a run's folder
        folder.DATASET: lambda path: folder.write_json(path, describe(made.task, name)),
        folder.CONFIG: lambda path: save_config(config, path),
    }
    return train(create_run(runs, name, files, name=called), made, command=command)


def resume(run: str, flags: Sequence[str] = (), *, command: str = "") -> Path:
    """Carry a run on, a finished one by flags with more epochs; a finished one is evaluated again."""
    path = folder.open_run(run)
    done = 0 if folder.newest_checkpoint(path) is None else newest_progress(path).epoch
    with naming(path / folder.CONFIG):
        config = origin.extended(path, [*flags], epoch=done)
        check_alike(config, **{"the newest checkpoint": done})
        made = setup(config)
    check_data(path, made.task)
    return train(path, made, config=config, command=command)


def start_from(
    run: str, config: Config | None, name: str, flags: list[str], runs: Path, *, called: str | None, command: str = ""
) -> Path:
    """Train a new run that starts from the parameters of another.

    Args:
        run: the other's folder.
        config: what to train; None for what the other was trained by.
        name: of the experiment; "" for the other's.
        flags: --config.FIELD=VALUE.
        runs: where run folders are made.
        called: what the new run is called.
        command: that it is made by, which its folder keeps.
    """
    path = folder.open_run(run)
    config = override(config or read_config(path / folder.CONFIG), flags, log=console.say)
    name = name or folder.read_dataset(path)["experiment"]
    return train_new(config, name, runs, called=called, start=path, command=command)


def evaluate(run: str, name: str = "", num_samples: int | None = None) -> Path:
    """Write results.json and the figures of a run's best checkpoint again.

    Args:
        run: its folder.
        name: an INPUT, on which it is scored in the place of its test images: answers/evaluate_NAME.json is written.
        num_samples: K of the importance-weighted bound; None: as the config has it.
    """
    if num_samples is not None:
        check_whole(**{"--num-samples": num_samples})
    path = folder.open_run(run)
    whole, again = "the checkpoints are whole", f"make evaluate {folder.as_run(path)}"
    advice, once_more = f"{whole}: make room there, then {again}", interruptible(f"{whole}; again with: {again}")
    with folder.locked(path), advising(lambda: advice), once_more:
        folder.read_metrics(path)  # what is wrong with it is said before an evaluation
        given = _read(name, path) if name else None
        task = open_task(path, num_samples)
        with devices.over(min(task.experiment.train.devices, jax.device_count())):
            scored = task if given is None else _on(task, given, name)
            results.write(path, scored, newest_progress(path), given=name)
    return path


def open_task(path: Path, num_samples: int | None = None) -> Task:
    """The model and the data of a run, which are those that it was trained on; K may be another.

    Raises:
        UsageError: they are others; a K for a model that claims no likelihood.
    """
    with naming(path / folder.CONFIG):
        task = build_task(read_config(path / folder.CONFIG))
    check_data(path, task)
    if num_samples is None:
        return task
    if "scores" not in task.reports:
        raise UsageError(f"--num-samples is {num_samples}, and {path} has no bound that has samples: leave it out")
    scored = dataclasses.replace(task.experiment.evaluate, num_samples=num_samples)
    return task._replace(experiment=dataclasses.replace(task.experiment, evaluate=scored))


def _read(name: str, path: Path) -> GivenImages:
    kept = kept_of(path)
    given = read_given(name, kept, may_miss=kept.by.has_gaps)
    stored_of(given, kept, is_masked=False)  # which says that labels are needed where they are
    if given.mask is None or given.mask.all():
        return given
    if not kept.by.has_gaps:
        cure = "leave the mask out, or see what is there by `make score`"
        raise UsageError(f"INPUT is {name}, with a mask, and an evaluation is of examples as the run's own are: {cure}")
    return given._replace(images=np.where(given.mask, given.images, np.nan))


def _on(task: Task, given: GivenImages, name: str) -> Task:
    """The same with other test images."""
    labels = np.full(len(given.images), -1, np.int32) if given.labels is None else given.labels
    dataset = task.dataset._replace(test=Split(given.images, labels))
    return task._replace(dataset=dataset, label=name)


def check_data(path: Path, task: Task) -> None:
    """The data are those that a run was trained on.

    Raises:
        UsageError: they are others.
    """
    before = folder.read_dataset(path)
    now = describe(task, before["experiment"])
    if any(now[field] != before[field] for field in ("dataset", "num_train", "x_shape", "crc32")):
        named = lambda one: f"{one['dataset']} ({one['num_train']:,} examples)"
        cure = f"set VAEX_DATA_DIR, or unset it, as it was when the data came from {before['source']}"
        if str(task.dataset.source) == before["source"]:
            cure = "it has changed since: bring back what was there, or train anew"
        found = f"found other data, {named(now)}, in {task.dataset.source}"
        raise UsageError(f"{path} was trained on {named(before)}; {found}: {cure}")
    if now["checksum"] != before.get("checksum", now["checksum"]):  # runs from before have that of the images alone
        raise UsageError(
            f"{path} was trained on {before['dataset']} with other labels or splits than {task.dataset.source} has "
            f"now: bring those back that came from {before['source']}, or train anew"
        )


def describe(task: Task, name: str) -> Fields:
    """The experiment and the data of a run, as its dataset.json has them."""
    images, records, splits = task.dataset.train.images, task.dataset.records, task.dataset.splits
    if records is not None:  # the checksums of images in the place of images, which would all be read
        splits["train"] = Split(records.sums, task.dataset.train.labels)
    of_split = lambda split: {part: array for part, array in split._asdict().items() if array is not None}
    arrays = {f"{name}_{part}": array for name, split in splits.items() for part, array in of_split(split).items()}
    columns, label = [column._asdict() for column in task.dataset.columns], task.dataset.label_column
    return {
        "experiment": name,
        "dataset": task.label,
        "num_train": len(images),
        "source": task.dataset.source,
        "x_shape": list(images.shape[1:]),
        "num_classes": task.num_classes,
        "num_steps": task.num_steps,
        **({"columns": columns} if columns else {"meaning": task.dataset.meaning}),
        **({} if label is None else {"label_column": label._asdict()}),
        "crc32": functools.reduce(lambda crc, split: zlib.crc32(split.images.data, crc), splits.values(), 0),
        "checksum": checksum(arrays),
    }
