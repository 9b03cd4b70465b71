"""Files of a run: JSON, whole or not at all, and nothing that leads out of the run's folder."""

import json
import math
import os
from pathlib import Path

from vaex.errors import UsageError
from vaex.files import replaced


def write_json(path: Path, value: object) -> None:
    """Write JSON, whole or not at all."""
    with replaced(path) as file:
        file.write((as_json(value, indent=2) + "\n").encode())


def as_json(value: object, *, indent: int | None = None) -> str:
    """JSON, which has no nan and no infinity: null stands for them."""
    return json.dumps(_finite(value), indent=indent, allow_nan=False)


def check_files(run: Path, *names: str) -> None:
    """What there is of these names in a run folder is a file of its own.

    Raises:
        UsageError: a folder, a pipe or a device, or a link that leads out of the run folder.
    """
    for name in names:
        path = run / name
        target = os.path.realpath(path)
        if path.is_symlink() and not Path(target).is_relative_to(os.path.realpath(run)):
            raise UsageError(f"{path} is a link out of the run folder, to {target}: put a copy of that in its place")
        if path.exists() and not path.is_file():
            raise UsageError(f"{path} is {'a folder' if path.is_dir() else 'a device'}: expected a file; move it away")


def check_folders(run: Path, *names: str) -> None:
    """What there is of these names in a run folder is a folder, in which there are files and folders alone.

    Raises:
        UsageError: a file, a link, a pipe or a device.
    """
    for name in names:
        folder = run / name
        if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
            raise UsageError(f"{folder} is a {'link' if folder.is_symlink() else 'file'}: expected a folder of the run")
        for place, folders, files in os.walk(folder):
            links = [entry for entry in folders if Path(place, entry).is_symlink()]
            if links:
                raise UsageError(f"{Path(place, links[0])} is a link: expected a folder of the run")
            check_files(run, *(os.path.relpath(Path(place, entry), run) for entry in files))


def _finite(value: object) -> object:
    match value:
        case dict():
            return {key: _finite(one) for key, one in value.items()}
        case list() | tuple():
            return [_finite(one) for one in value]
        case float() if not math.isfinite(value):
            return None
    return value
