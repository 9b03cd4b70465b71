"""A run folder for a new run, by its experiment and the time."""

import contextlib
import itertools
import os
import re
import secrets
import shutil
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from vaex.config import Config, equal, read_config, save_config, told
from vaex.errors import UsageError, WriteError
from vaex.files import Json
from vaex.runs import folder

STAMP = "%Y-%m-%d_%H-%M-%S"  # by which the names of runs' folders begin


def check_name(name: str | None) -> None:
    """What a run is called beside its time can stand in the name of a folder; None is of no name.

    Raises:
        UsageError: it cannot.
    """
    if name is not None and not re.fullmatch(r"[A-Za-z0-9._-]{1,100}", name):
        expected = "expected 1 to 100 letters a to z, digits, '.', '_' or '-'"
        raise UsageError(f"--name is {name!r}: {expected}, as in --name=wider_decoder")


def check_experiment(experiment: str) -> None:
    """An experiment's name can be that of a folder in runs/.

    Raises:
        UsageError: it is that of the link to the last run.
    """
    if experiment == "latest":
        raise UsageError("an experiment is called latest, as the link to the last run is: call its file otherwise")


def create_run(
    root: Path,
    experiment: str,
    files: Mapping[str, Callable[[Path], None]] | None = None,
    *,
    name: str | None = None,
) -> Path:
    """Make runs/EXPERIMENT/TIME, or TIME_NAME, with its first files, and point runs/latest at it.

    Args:
        root: where run folders are made.
        experiment: its name.
        files: what writes each file at a path, by the file's name.
        name: what the run is called.

    Raises:
        UsageError: the name or the experiment's cannot be one, or something of it cannot be written; nothing is left.
    """
    check_name(name)
    check_experiment(experiment)
    cure = "name another with ARGS=--runs=FOLDER"
    try:
        path = _new_folder(root / experiment, "" if name is None else f"_{name}")
        try:
            for file, write in (files or {}).items():
                write(path / file)
            with folder.locked(path):
                pass  # on a file system without locks nothing is trained, and nothing is left
            point_latest(root, path)
        except BaseException:
            shutil.rmtree(path, ignore_errors=True)
            raise
    except WriteError as error:
        raise error.advised(f"no run folder was made: make room there, or {cure}") from None
    except OSError as error:
        raise UsageError(f"cannot write a run folder in {root}: {error.strerror or error}; {cure}") from None
    return path.resolve()


def fill_run(path: Path, config: Config, dataset: Callable[[], Mapping[str, Json]], *, what: str = "run") -> None:
    """Make a folder a run's, where it is none yet, or find that it is this one's.

    Args:
        path: the folder.
        config: of the run; it is written last, since a folder that has one is a run's.
        dataset: what dataset.json is to say.
        what: is being started, for the error.

    Raises:
        UsageError: it has a run of another config, moved there or carried on with other flags.
    """
    if not (path / folder.CONFIG).exists():
        path.mkdir(parents=True, exist_ok=True)
        folder.write_json(path / folder.DATASET, dataset())
        save_config(config, path / folder.CONFIG)
    if equal(there := read_config(path / folder.CONFIG), config):
        return
    found, expected = ({field.path: field.value for field in told(one)} for one in (there, config))
    field = next(field for field in found | expected if found.get(field) != expected.get(field))
    raise UsageError(
        f"{path} has a run whose {field} is {found.get(field)}: expected {expected.get(field)}, of this {what}; move "
        f"it elsewhere, or call the {what} otherwise by --name"
    )


def _new_folder(parent: Path, suffix: str) -> Path:
    """A folder by the time; of several that start in one second, mkdir itself decides who has which name."""
    stamp = time.strftime(STAMP) + suffix
    parent.mkdir(parents=True, exist_ok=True)
    for i in itertools.count(1):
        path = parent / (stamp if i == 1 else f"{stamp}_{i}")
        with contextlib.suppress(FileExistsError):
            path.mkdir()
            return path
    raise AssertionError


def point_latest(root: Path, path: Path) -> None:
    """Make runs/latest this run."""
    partial = root / f".latest-{secrets.token_hex(8)}"
    partial.symlink_to(path.relative_to(root), target_is_directory=True)
    try:
        os.replace(partial, root / "latest")
    finally:
        partial.unlink(missing_ok=True)
