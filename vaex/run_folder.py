"""A run on disk: its lock, its checkpoints and its metrics."""

import contextlib
import fcntl
import json
import os
import time
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jax
import numpy as np
import orbax.checkpoint as ocp
from orbax.checkpoint.checkpoint_managers import preservation_policy

from vaex.errors import UsageError

CONFIG, DATASET, METRICS, RESULTS = "config.json", "dataset.json", "metrics.jsonl", "results.json"
_METRIC = "validation_elbo"


def create_run(root: Path, experiment: str) -> Path:
    """Make runs/EXPERIMENT/TIME and point runs/latest at it."""
    stamp = time.strftime("%Y-%m-%d_%H-%M-%S")
    names = (stamp, *(f"{stamp}_{i}" for i in range(2, 100)))  # several may start in one second
    try:
        path = root / experiment / next(name for name in names if not (root / experiment / name).exists())
        path.mkdir(parents=True)
        _point_latest(root, path)
    except OSError as error:
        cure = "name another with ARGS=--runs=FOLDER"
        raise UsageError(f"cannot write a run folder in {root}: {error.strerror or error}; {cure}") from None
    return path.resolve()


def open_run(path: str | Path) -> Path:
    """Check that a folder is a run's.

    Raises:
        UsageError: it is not.
    """
    path = Path(path)
    missing = [name for name in (CONFIG, DATASET) if not (path / name).is_file()]
    if missing:
        found = "no such folder" if not path.is_dir() else f"it has no {' and no '.join(missing)}"
        raise UsageError(f"{path} is not a run folder: {found}; name one like runs/EXPERIMENT/TIME or runs/latest")
    return path.resolve()


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold a run folder against a second process; the lock goes with the process, however it ends."""
    try:
        file = (path / ".lock").open("a+")
    except OSError as error:
        raise UsageError(
            f"cannot write in {path}: {error.strerror}; mend its permissions or copy it elsewhere"
        ) from None
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UsageError(f"{path} is in use by another process: wait for it, or stop it") from None
        yield


def write_json(path: Path, value: Any) -> None:
    """Write JSON beside the final name, then rename: a reader never sees half a file."""
    partial = path.with_suffix(".tmp")
    partial.write_text(json.dumps(value, indent=2) + "\n")
    os.replace(partial, path)


def read_json(path: Path) -> Any:
    """The value in a JSON file of a run."""
    return json.loads(path.read_text())


def read_metrics(path: Path) -> list[dict[str, float]]:
    """The rows of a run's metrics.jsonl; a last line cut short by a crash is left out."""
    file = path / METRICS
    lines = file.read_text().splitlines(keepends=True) if file.is_file() else []
    return [json.loads(line) for line in lines if line.endswith("\n")]


@contextlib.contextmanager
def metrics_writer(path: Path, *, epoch: int) -> Iterator[Any]:
    """A function that appends a row to metrics.jsonl and to TensorBoard; rows after `epoch` are taken back first."""
    from tensorboardX import SummaryWriter

    kept = [row for row in read_metrics(path) if row["epoch"] <= epoch]
    (path / METRICS).write_text("".join(json.dumps(row) + "\n" for row in kept))
    with open(path / METRICS, "a") as file, SummaryWriter(str(path / "tensorboard"), purge_step=epoch + 1) as board:

        def write(row: dict[str, float]) -> None:
            file.write(json.dumps(row) + "\n")
            file.flush()
            for name, value in row.items():
                board.add_scalar(name, value, global_step=int(row["epoch"]))

        yield write


@contextlib.contextmanager
def checkpoints(path: Path) -> Iterator[ocp.CheckpointManager]:
    """A run's checkpoints: the newest and the best by validation ELBO."""
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
        cleanup_tmp_directories=True,
        enable_async_checkpointing=False,
    )
    with ocp.CheckpointManager(path / "checkpoints", options=options) as manager:
        yield manager


def save(
    manager: ocp.CheckpointManager, epoch: int, state: Any, progress: dict[str, Any], *, elbo: float | None
) -> None:
    """Write a checkpoint after an epoch, whole or not at all.

    Args:
        manager: from `checkpoints`.
        epoch: epochs done.
        state: a pytree of arrays.
        progress: what else the loop carries on, as JSON.
        elbo: the validation ELBO, or None where none was computed.
    """
    state = jax.device_get(state)
    manager.save(
        epoch,
        args=ocp.args.Composite(
            state=ocp.args.StandardSave(state), progress=ocp.args.JsonSave(progress | {"crc32": _crc32(state)})
        ),
        metrics=None if elbo is None else {_METRIC: elbo},
        force=True,
    )


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
    with checkpoints(path) as manager:
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


def has_checkpoint(path: Path) -> bool:
    """Whether a run has anything to carry on from."""
    with checkpoints(path) as manager:
        return manager.latest_step() is not None


def _point_latest(root: Path, path: Path) -> None:
    latest = root / "latest"
    partial = root / f".latest-{os.getpid()}"
    partial.symlink_to(path.relative_to(root), target_is_directory=True)
    os.replace(partial, latest)


def _crc32(state: Any) -> int:
    crc = 0
    for leaf in jax.tree.leaves(state):
        crc = zlib.crc32(np.ascontiguousarray(leaf).tobytes(), crc)
    return crc


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return (lines[0] if lines else type(error).__name__)[:200]
