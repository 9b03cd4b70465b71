"""A run folder for a new run, by its experiment and the time."""

import contextlib
import itertools
import os
import secrets
import shutil
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from vaex.errors import UsageError, WriteError


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
