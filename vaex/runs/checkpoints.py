"""Checkpoints by orbax: whole or not at all, the newest and the best by validation ELBO, each with a checksum."""

import contextlib
import logging
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jax
import numpy as np
import orbax.checkpoint as ocp
from orbax.checkpoint.checkpoint_managers import preservation_policy

from vaex.errors import UsageError

_METRIC = "validation_elbo"
logging.getLogger("absl").setLevel(logging.ERROR)  # orbax warns of each option that a reader implies


@contextlib.contextmanager
def _manager(path: Path, *, read_only: bool = False) -> Iterator[ocp.CheckpointManager]:
    """Keeps the newest and the best by validation ELBO, and sweeps up what a killed process left half-written."""
    policy = preservation_policy.AnyPreservationPolicy(
        [
            preservation_policy.LatestN(1),
            preservation_policy.BestN(get_metric_fn=lambda m: m[_METRIC], n=1, keep_checkpoints_without_metrics=False),
        ]
    )
    options = ocp.CheckpointManagerOptions(
        preservation_policy=policy,
        best_fn=lambda m: m[_METRIC],
        best_mode="max",
        cleanup_tmp_directories=not read_only,
        enable_async_checkpointing=False,
        read_only=read_only,  # a reader must not sweep up what a writer is just writing
    )
    with ocp.CheckpointManager(path / "checkpoints", options=options) as manager:
        yield manager


def save(path: Path, epoch: int, state: Any, progress: dict[str, Any], *, elbo: float | None) -> None:
    """Write a checkpoint after an epoch, whole or not at all.

    Args:
        path: the run folder.
        epoch: epochs done.
        state: a pytree of arrays.
        progress: what else the loop carries on, as JSON.
        elbo: the validation ELBO, or None where none was computed.
    """
    state = jax.device_get(state)
    items = ocp.args.Composite(
        state=ocp.args.StandardSave(state), progress=ocp.args.JsonSave(progress | {"crc32": _crc32(state)})
    )
    with _manager(path) as manager:
        manager.save(epoch, args=items, metrics=None if elbo is None else {_METRIC: elbo}, force=True)


def restore(path: Path, abstract: Any, *, best: bool = False) -> tuple[Any, dict[str, Any]]:
    """The newest checkpoint of a run, or its best.

    Args:
        path: the run folder.
        abstract: the state's shapes and dtypes.
        best: the best by validation ELBO, where one was validated.

    Returns:
        The state and the progress that were saved.

    Raises:
        UsageError: no checkpoint, or one that cannot be read or is not what was written.
    """
    if not (path / "checkpoints").is_dir():
        raise UsageError(f"{path} has no checkpoint: train it first")
    with _manager(path, read_only=True) as manager:
        step = (manager.best_step() if best else None) or manager.latest_step()
        if step is None:
            raise UsageError(f"{path} has no checkpoint: train it first")
        try:
            loaded = manager.restore(
                step, args=ocp.args.Composite(state=ocp.args.StandardRestore(abstract), progress=ocp.args.JsonRestore())
            )
            state, progress = loaded["state"], loaded["progress"]
            if progress.pop("crc32") != _crc32(state):
                raise ValueError("its checksum does not match")
        except Exception as error:  # whatever a reader raises on damaged bytes
            others = [s for s in manager.all_steps() if s != step]
            folder = manager.directory / str(step)
            cure = f"delete it to go on from checkpoint {others[-1]}" if others else "delete the run and train again"
            raise UsageError(f"checkpoint {folder} is damaged ({_first_line(error)}): {cure}") from None
    return state, progress


def _crc32(state: Any) -> int:
    crc = 0
    for leaf in jax.tree.leaves(state):
        crc = zlib.crc32(np.ascontiguousarray(leaf).tobytes(), crc)
    return crc


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return (lines[0] if lines else type(error).__name__)[:200]
