"""A run on disk: its folder, its lock and its metrics."""

import contextlib
import fcntl
import json
import math
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from vaex.errors import UsageError

Row = dict[str, Any]  # the metrics of an epoch
Show = Callable[[Row], None]
CONFIG, DATASET, METRICS, RESULTS = "config.json", "dataset.json", "metrics.jsonl", "results.json"


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
    partial.write_text(_json(value, indent=2) + "\n")
    os.replace(partial, path)


def _json(value: Any, *, indent: int | None = None) -> str:
    """JSON, which has no nan and no infinity: null stands for them."""
    return json.dumps(_finite(value), indent=indent, allow_nan=False)


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(one) for one in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def read_json(path: Path) -> Any:
    """The value in a JSON file of a run."""
    return json.loads(path.read_text())


def read_metrics(path: Path) -> list[dict[str, Any]]:
    """The rows of a run's metrics.jsonl; a last line cut short by a crash is left out."""
    file = path / METRICS
    lines = file.read_text().splitlines(keepends=True) if file.is_file() else []
    return [json.loads(line) for line in lines if line.endswith("\n")]


@contextlib.contextmanager
def metrics_writer(path: Path, *, epoch: int) -> Iterator[Any]:
    """A function that appends a row to metrics.jsonl and to TensorBoard; rows after `epoch` are taken back first."""
    kept = [row for row in read_metrics(path) if row["epoch"] <= epoch]
    (path / METRICS).write_text("".join(_json(row) + "\n" for row in kept))
    with contextlib.ExitStack() as stack:
        file = stack.enter_context((path / METRICS).open("a"))
        boards = []

        def write(row: dict[str, Any]) -> None:
            file.write(_json(row) + "\n")
            file.flush()
            if not boards:
                from tensorboardX import SummaryWriter  # over a second, which the first step need not wait for

                boards.append(stack.enter_context(SummaryWriter(str(path / "tensorboard"), purge_step=epoch + 1)))
            scalars = {name: value for name, value in row.items() if not isinstance(value, list)}
            for name, value in scalars.items():
                boards[0].add_scalar(name, value, global_step=int(row["epoch"]))

        yield write


def save_figure(path: Path, name: str, figure: Any) -> None:
    """Write a figure to a run's figures/NAME.png."""
    folder = path / "figures"
    folder.mkdir(exist_ok=True)
    figure.savefig(folder / f"{name}.png", dpi=150)


def newest_checkpoint(path: Path) -> Path | None:
    """The folder of a run's newest checkpoint; a folder with a number for its name was written to its end."""
    done = [p for p in (path / "checkpoints").glob("*") if p.name.isdigit()]
    return max(done, key=lambda p: int(p.name), default=None)


def shown(path: Path) -> str:
    """A path as a user would type it from here."""
    relative = os.path.relpath(path)
    return str(path) if relative.startswith("..") else relative


def _point_latest(root: Path, path: Path) -> None:
    latest = root / "latest"
    partial = root / f".latest-{os.getpid()}"
    partial.symlink_to(path.relative_to(root), target_is_directory=True)
    os.replace(partial, latest)
