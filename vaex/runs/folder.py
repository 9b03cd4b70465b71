"""A run on disk: its folder, its lock and its metrics."""

import contextlib
import fcntl
import itertools
import json
import math
import os
import secrets
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from vaex.errors import UsageError, WriteError
from vaex.files import replaced, writing

Row = dict[str, Any]  # the metrics of an epoch
Show = Callable[[Row], None]
CONFIG, DATASET, METRICS, RESULTS = "config.json", "dataset.json", "metrics.jsonl", "results.json"


def create_run(root: Path, experiment: str, files: Mapping[str, Callable[[Path], None]] | None = None) -> Path:
    """Make runs/EXPERIMENT/TIME with its first files, and point runs/latest at it.

    Args:
        root: where run folders are made.
        experiment: its name.
        files: what writes each file at a path, by the file's name.

    Raises:
        UsageError: something of it cannot be written; nothing is left.
    """
    cure = "name another with ARGS=--runs=FOLDER"
    try:
        path = _new_folder(root / experiment)
        try:
            for name, write in (files or {}).items():
                write(path / name)
            _point_latest(root, path)
        except BaseException:
            shutil.rmtree(path, ignore_errors=True)
            raise
    except WriteError as error:
        raise error.advised(f"no run folder was made: make room there, or {cure}") from None
    except OSError as error:
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
        for left in [*path.glob(".*.tmp"), *(path / "figures").glob(".*.tmp")]:  # by a process that was killed
            left.unlink(missing_ok=True)
        yield


def write_json(path: Path, value: Any) -> None:
    """Write JSON beside the final name, then rename: a reader never sees half a file."""
    with replaced(path) as file:
        file.write((_json(value, indent=2) + "\n").encode())


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
    return json.loads(path.read_text(encoding="utf-8"))


def read_metrics(path: Path) -> list[dict[str, Any]]:
    """The rows of a run's metrics.jsonl; a last line cut short by a crash is left out."""
    file = path / METRICS
    lines = file.read_text(encoding="utf-8").splitlines(keepends=True) if file.is_file() else []
    return [json.loads(line) for line in lines if line.endswith("\n")]


@contextlib.contextmanager
def metrics_writer(path: Path, *, epoch: int) -> Iterator[Any]:
    """A function that appends a row to metrics.jsonl and to TensorBoard; rows after `epoch` are taken back first."""
    kept = [row for row in read_metrics(path) if row["epoch"] <= epoch]
    with replaced(path / METRICS) as file:
        file.write("".join(_json(row) + "\n" for row in kept).encode())
    with contextlib.ExitStack() as stack:
        with writing(path / METRICS):
            rows = os.open(path / METRICS, os.O_WRONLY | os.O_APPEND | os.O_NOFOLLOW)
        stack.callback(os.close, rows)
        boards = []

        def write(row: dict[str, Any]) -> None:
            line = (_json(row) + "\n").encode()
            with writing(path / METRICS):
                while line:
                    line = line[os.write(rows, line) :]
            if not boards:
                from vaex.runs.board import Board  # over a second, which the first step need not wait for

                boards.append(stack.enter_context(contextlib.closing(Board(path / "tensorboard", epoch + 1))))
            boards[0].add({name: value for name, value in row.items() if not isinstance(value, list)}, row["epoch"])

        yield write


def save_figure(path: Path, name: str, figure: Any) -> None:
    """Write a figure to a run's figures/NAME.png."""
    with replaced(path / "figures" / f"{name}.png") as file:
        figure.savefig(file, format="png", dpi=150)


def newest_checkpoint(path: Path) -> Path | None:
    """The folder of a run's newest checkpoint; a folder with a number for its name was written to its end."""
    done = [p for p in (path / "checkpoints").glob("*") if p.name.isdigit()]
    return max(done, key=lambda p: int(p.name), default=None)


def shown(path: Path) -> str:
    """A path as a user would type it from here."""
    relative = os.path.relpath(path)
    return str(path) if relative.startswith("..") else relative


def _new_folder(parent: Path) -> Path:
    """A folder by the time; of several that start in one second, mkdir itself decides who has which name."""
    stamp = time.strftime("%Y-%m-%d_%H-%M-%S")
    parent.mkdir(parents=True, exist_ok=True)
    for i in itertools.count(1):
        path = parent / (stamp if i == 1 else f"{stamp}_{i}")
        with contextlib.suppress(FileExistsError):
            path.mkdir()
            return path
    raise AssertionError


def _point_latest(root: Path, path: Path) -> None:
    partial = root / f".latest-{secrets.token_hex(8)}"
    partial.symlink_to(path.relative_to(root), target_is_directory=True)
    try:
        os.replace(partial, root / "latest")
    finally:
        partial.unlink(missing_ok=True)
