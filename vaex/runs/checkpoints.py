"""Checkpoints by orbax: whole or not at all, the newest and the best by validation, each with a checksum."""

import contextlib
import logging
import shutil
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jax
import numpy as np
import orbax.checkpoint as ocp
from orbax.checkpoint.checkpoint_managers import preservation_policy

from vaex.errors import UsageError
from vaex.files import reserve, writing

_METRIC = "selected"  # the metric that chooses the best; runs from before its name have validation_elbo
logging.getLogger("absl").setLevel(logging.CRITICAL)  # orbax warns of options that a reader implies; errors are raised


@contextlib.contextmanager
def _manager(path: Path, *, read_only: bool = False) -> Iterator[ocp.CheckpointManager]:
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
        cleanup_tmp_directories=not read_only,
        enable_async_checkpointing=False,
        read_only=read_only,  # a reader must not sweep up what a writer is just writing
    )
    with ocp.CheckpointManager(path / "checkpoints", options=options) as manager:
        yield manager


def save(path: Path, epoch: int, state: Any, progress: dict[str, Any], *, selected: float | None) -> None:
    """Write a checkpoint after an epoch, whole or not at all.

    Args:
        path: the run folder.
        epoch: epochs done.
        state: a TrainState.
        progress: what else the loop carries on, as JSON.
        selected: the metric that chooses the best, or None where none was computed.
    """
    state = jax.device_get(state)
    sums = {"crc32": _crc32(state), "params_crc32": _crc32(state.params)}
    items = ocp.args.Composite(state=ocp.args.StandardSave(state), progress=ocp.args.JsonSave(progress | sums))
    with _writing(path / "checkpoints", state), _manager(path) as manager:
        manager.save(epoch, args=items, metrics=None if selected is None else {_METRIC: selected}, force=True)


@contextlib.contextmanager
def _writing(folder: Path, state: Any) -> Iterator[None]:
    """Say in one line that a checkpoint cannot be written, and leave nothing of it."""
    with writing(folder):
        folder.mkdir(exist_ok=True)
        # Asked before, since orbax's threads each print what they could not write.
        reserve(folder, 2**16 + sum(leaf.nbytes for leaf in jax.tree.leaves(state)))
        try:
            yield
        except Exception as error:  # of orbax and of tensorstore, whose own are no OSErrors
            for half in folder.glob("*.orbax-checkpoint-tmp*"):
                shutil.rmtree(half, ignore_errors=True)
            raise OSError(_first_line(error)) from error


def restore(path: Path, abstract: Any) -> tuple[Any, dict[str, Any]]:
    """The newest checkpoint of a run.

    Args:
        path: the run folder.
        abstract: the state's shapes and dtypes.

    Returns:
        The state and the progress that were saved.

    Raises:
        UsageError: no checkpoint, or one that cannot be read or is not what was written.
    """
    state, progress = _restore(path, ocp.args.StandardRestore(abstract), best=False)
    return state, _without_sums(progress)


def restore_params(path: Path, abstract: Any) -> tuple[Any, dict[str, Any]]:
    """The parameters of a run's best checkpoint, or of its newest where none was validated; nothing else is read.

    Args:
        path: the run folder.
        abstract: their shapes and dtypes.

    Returns:
        The parameters, on the device, and the progress that was saved with them.

    Raises:
        UsageError: as restore.
    """
    wanted = ocp.args.PyTreeRestore({"params": abstract}, partial_restore=True)
    state, progress = _restore(path, wanted, best=True)
    return jax.device_put(state["params"]), _without_sums(progress)


def read_progress(path: Path) -> dict[str, Any]:
    """The progress that was saved with the newest checkpoint."""
    return _without_sums(_restore(path, None, best=False)[1])


def _restore(path: Path, wanted: Any, *, best: bool) -> tuple[Any, dict[str, Any]]:
    if not (path / "checkpoints").is_dir():
        raise UsageError(f"{path} has no checkpoint: train it first")
    with _manager(path, read_only=True) as manager:
        step = (manager.best_step() if best else None) or manager.latest_step()
        if step is None:
            raise UsageError(f"{path} has no checkpoint: train it first")
        items = {"progress": ocp.args.JsonRestore()} | ({} if wanted is None else {"state": wanted})
        try:
            loaded = manager.restore(step, args=ocp.args.Composite(**items))
            state, progress = loaded.get("state"), loaded["progress"]
            _check(state, progress)
        except Exception as error:  # whatever a reader raises on damaged bytes
            others = [s for s in manager.all_steps() if s != step]
            place = manager.directory / str(step)
            cure = f"delete it to go on from checkpoint {others[-1]}" if others else "delete the run and train again"
            raise UsageError(f"checkpoint {place} is damaged ({_first_line(error)}): {cure}") from None
    return state, progress


def _check(state: Any, progress: dict[str, Any]) -> None:
    """What was read is what was written; the parameters of a run from before have no sum of their own."""
    if state is None:
        return
    is_part = isinstance(state, dict)
    expected = progress.get("params_crc32") if is_part else progress["crc32"]
    if expected is not None and expected != _crc32(state["params"] if is_part else state):
        raise ValueError("its checksum does not match")


def _without_sums(progress: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in progress.items() if not name.endswith("crc32")}


def _metric(metrics: dict[str, float]) -> float:
    return next(iter(metrics.values()))


def _crc32(state: Any) -> int:
    crc = 0
    for leaf in jax.tree.leaves(state):
        crc = zlib.crc32(np.ascontiguousarray(leaf).tobytes(), crc)
    return crc


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return (lines[0] if lines else type(error).__name__)[:200]
