"""Files of a run: written beside their names and renamed, and never by a link that leads out of the run's folder."""

import contextlib
import json
import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from vaex.errors import UsageError


@contextlib.contextmanager
def replaced(path: Path) -> Iterator[IO[bytes]]:
    """A new file that takes this name at the end, whole or not at all; what a link of this name points at stays.

    Raises:
        UsageError: it cannot be written.
    """
    partial = path.with_name(f"{path.name[:100]}.{secrets.token_hex(8)}.tmp")
    try:
        path.parent.mkdir(exist_ok=True)
        with partial.open("xb") as file:
            yield file
        os.replace(partial, path)
    except OSError as error:
        raise UsageError(f"cannot write {path}: {error.strerror or error}; make room there, or copy the run") from None
    finally:
        partial.unlink(missing_ok=True)


def write_json(path: Path, value: Any) -> None:
    """Write JSON, whole or not at all."""
    with replaced(path) as file:
        file.write((json.dumps(value, indent=2) + "\n").encode())


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
