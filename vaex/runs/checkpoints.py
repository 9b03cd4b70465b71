"""Checkpoints by orbax: whole or not at all, the newest and the best by validation, each with a checksum."""

import contextlib
import logging
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import TypeVar

import jax
import numpy as np
import orbax.checkpoint as ocp
from orbax.checkpoint.checkpoint_managers import preservation_policy

from vaex.config.stored import check_type, read_json, read_object
from vaex.errors import UsageError
from vaex.files import Fields, first_line, remove_for_good, reserve, writing
from vaex.model import Params
from vaex.runs.arrays import PUT_BACK, alone, nameable, plain, read, restored
from vaex.runs.folder import CHECKPOINTS, ORIGIN, checkpoints
from vaex.runs.sums import check_sums, write_sums
from vaex.train.step import TrainState

_METRIC = "selected"  # the metric that chooses the best; runs from before its name have validation_elbo
logging.getLogger("absl").setLevel(logging.CRITICAL)  # orbax warns of options that a reader implies; errors are raised
Tree = TypeVar("Tree")


def save(path: Path, epoch: int, state: TrainState, progress: Fields, *, selected: float | None) -> None:
    """Write a checkpoint after an epoch, whole or not at all; a run's first is read back.

    Args:
        path: the run folder.
        epoch: epochs done.
        state: a TrainState.
        progress: what else the loop carries on, as JSON.
        selected: the metric that chooses the best, or None where none was computed.

    Raises:
        UsageError: the run's first checkpoint is not read back as it was written.
    """
    is_first = not checkpoints(path)
    state = jax.device_get(plain(state))
    sums = {"crc32": _crc32(state), "params_crc32": _crc32(state.params)}
    items = ocp.args.Composite(state=ocp.args.StandardSave(state), progress=ocp.args.JsonSave(progress | sums))
    with _writing(path / CHECKPOINTS, state):
        with _manager(path) as manager:
            manager.save(epoch, args=items, metrics=None if selected is None else {_METRIC: selected}, force=True)
        write_sums(path / CHECKPOINTS / str(epoch))
    if is_first:
        try:
            restore(path, jax.eval_shape(lambda: state))
        except UsageError as error:
            raise UsageError(f"{error}; it was written just now: train in another folder by --runs=FOLDER") from None


def restore(path: Path, abstract: TrainState) -> tuple[TrainState, Fields]:
    """The newest checkpoint of a run.

    Args:
        path: the run folder.
        abstract: the state's shapes and dtypes; a state that was saved in the other precision is brought to this one.

    Returns:
        The state, on the device, and the progress that were saved.

    Raises:
        UsageError: no checkpoint, or one that cannot be read, is damaged, or is of another model or optimizer.
    """
    place = _newest(path)
    progress = _progress(place)
    return _state(place, abstract, progress["crc32"]), _without_sums(progress)


def restore_params(path: Path, abstract: Params, *, of_others: str = PUT_BACK) -> tuple[Params, Fields]:
    """The parameters of a run's best checkpoint, or of its newest where none was validated; nothing else is read.

    Args:
        path: the run folder.
        abstract: as of restore, of the parameters alone.
        of_others: what to do where they are of another model.

    Returns:
        The parameters, on the device, and the progress that was saved with them.

    Raises:
        UsageError: as restore.
    """
    place = _best(path)
    progress = _progress(place)
    state = _state(place, {"params": abstract}, progress.get("params_crc32"), of_others=of_others)
    return state["params"], _without_sums(progress)


def best_epoch(path: Path) -> int:
    """The epoch of the checkpoint that restore_params reads."""
    return int(_best(path).name)


def read_progress(path: Path) -> Fields:
    """The progress that was saved with the newest checkpoint."""
    return _without_sums(_progress(_newest(path)))


def _newest(path: Path) -> Path:
    found = checkpoints(path)
    if not found:
        raise UsageError(f"{path} has no checkpoint: train it first")
    return found[-1]


def _best(path: Path) -> Path:
    metrics = {place: _selected(place) for place in checkpoints(path)}
    measured = [place for place, metric in metrics.items() if metric is not None]
    return max(measured, key=lambda place: (metrics[place], int(place.name)), default=None) or _newest(path)


def _selected(place: Path) -> float | None:
    """The metric that chooses the best, None of a checkpoint without a validation."""
    check_sums(place, _cure(place), under="metrics/")
    file = place / "metrics" / "metrics"
    if not file.parent.exists():
        return None
    metrics = check_type(read_json(file), dict, str(file))
    return check_type(next(iter(metrics.values()), None), float, f"{file}: {next(iter(metrics), _METRIC)}")


def _progress(place: Path) -> Fields:
    check_sums(place, _cure(place), under="progress/")
    return read_object(place / "progress" / "metadata", {"epoch": int, "crc32": int})


@contextlib.contextmanager
def _manager(path: Path) -> Iterator[ocp.CheckpointManager]:
    """Keeps the newest and the best by validation, and sweeps up what a killed process left half-written."""
    policy = preservation_policy.AnyPreservationPolicy(
        [
            preservation_policy.LatestN(1),
            preservation_policy.BestN(get_metric_fn=_metric, n=1, keep_checkpoints_without_metrics=False),
        ]
    )
    options = ocp.CheckpointManagerOptions(
        preservation_policy=policy,
        best_fn=_metric,
        best_mode="max",
        cleanup_tmp_directories=True,
        enable_async_checkpointing=False,
        multiprocessing_options=alone(),
        create=False,
    )
    with nameable(path) as folder, ocp.CheckpointManager(folder / CHECKPOINTS, options=options) as manager:
        yield manager


@contextlib.contextmanager
def _writing(folder: Path, state: TrainState) -> Iterator[None]:
    """Say in one line that a checkpoint cannot be written, and leave nothing of it."""
    with writing(folder):
        folder.mkdir(exist_ok=True)
        # Asked before, since orbax's threads each print what they could not write.
        reserve(folder, 2**16 + sum(leaf.nbytes for leaf in jax.tree.leaves(state)))
        try:
            yield
        except UsageError:
            raise
        except Exception as error:  # of orbax and of tensorstore, whose own are no OSErrors
            remove_for_good(folder, "*.orbax-checkpoint-tmp*")  # orbax's other threads write on for a moment
            raise OSError(first_line(error)) from error


def _state(place: Path, abstract: Tree, checksum: int | None, *, of_others: str = PUT_BACK) -> Tree:
    """The parts of a state that are asked for; the parameters of a run from before have no sum of their own."""
    check_sums(place, _cure(place), under="state/")
    state = read(place, abstract, _cure(place), of_others=of_others)
    if checksum is not None and checksum != _crc32(state):
        raise UsageError(f"checkpoint {place} is damaged: its checksum does not match; {_cure(place)}")
    return restored(state, abstract)


def _cure(place: Path) -> str:
    run, copy = place.parent.parent, "copy it again from where it is whole"
    if others := [other for other in checkpoints(run) if other != place]:
        return f"{copy}, or move it away to go on from checkpoint {others[-1].name}"
    return copy if (run / ORIGIN).exists() else f"{copy}, or move it away to train {run.name} from the start"


def _without_sums(progress: Fields) -> Fields:
    return {name: value for name, value in progress.items() if not name.endswith("crc32")}


def _metric(metrics: dict[str, float]) -> float:
    return next(iter(metrics.values()))


def _crc32(state: object) -> int:
    crc = 0
    for leaf in jax.tree.leaves(state):
        crc = zlib.crc32(np.ascontiguousarray(leaf).tobytes(), crc)
    return crc
