"""Files written whole or not at all, and never by a link."""

import contextlib
import errno
import os
import secrets
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any

from vaex.errors import WriteError

Json = Any  # a value of a JSON file: an object, a list, text, a number, a boolean or null
Fields = dict[str, Json]  # an object of one
_partial: set[Path] = set()  # what is being written; swept up where a process ends without unwinding


def expanded(path: str | os.PathLike) -> Path:
    """A path whose ~ or ~USER is that user's folder; as it is where there is no such user: ~backup.npz is a file."""
    try:
        return Path(path).expanduser()
    except RuntimeError:
        return Path(path)


def cache_dir() -> Path:
    """The folder for what vaex can make again: $VAEX_CACHE_DIR, else vaex/ in the user's cache folder."""
    own = os.environ.get("VAEX_CACHE_DIR")
    return expanded(own) if own else expanded(os.environ.get("XDG_CACHE_HOME") or "~/.cache") / "vaex"


@contextlib.contextmanager
def replaced(path: Path) -> Iterator[IO[bytes]]:
    """A new file that takes this name at the end, whole or not at all; what a link of this name points at stays.

    Its folder is made where there is none. The name that it has until then cannot be foreseen, so that in a shared
    folder nobody has put a link there.

    Raises:
        WriteError: it cannot be written; nothing of it is left.
    """
    partial = path.with_name(f".{secrets.token_hex(8)}.tmp")
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        _partial.add(partial)
        try:
            with partial.open("xb") as file:
                yield file
            os.replace(partial, path)
        finally:
            partial.unlink(missing_ok=True)
            _partial.discard(partial)


@contextlib.contextmanager
def writing(path: Path) -> Iterator[None]:
    """Whatever the system refuses within is said of this file.

    Raises:
        WriteError: in place of an OSError.
    """
    try:
        yield
    except OSError as error:
        raise WriteError(path, error.strerror or str(error)) from error


@contextlib.contextmanager
def advising(cure: Callable[[], str]) -> Iterator[None]:
    """What to say of a file that cannot be written within: what is whole, and how to go on."""
    try:
        yield
    except WriteError as error:
        raise error.advised(cure()) from error


def remove_for_good(folder: Path, pattern: str, *, seconds: float = 5.0) -> None:
    """The folders of this pattern are removed, again while another thread still writes there, for so long at most."""
    until = time.monotonic() + seconds
    while time.monotonic() < until and (found := list(folder.glob(pattern))):
        for path in found:
            shutil.rmtree(path, ignore_errors=True)
        time.sleep(0.1)


def reserve(folder: Path, num_bytes: int) -> None:
    """Find out at once whether so much has room in a folder, where the system can tell without writing it.

    Raises:
        OSError: it has none.
    """
    if sys.platform == "darwin":  # which has no posix_fallocate
        return
    probe = folder / f".{secrets.token_hex(8)}.tmp"
    _partial.add(probe)
    try:
        with probe.open("xb") as file:
            os.posix_fallocate(file.fileno(), 0, max(num_bytes, 1))
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):  # others: a file system that cannot tell
            raise
    finally:
        probe.unlink(missing_ok=True)
        _partial.discard(probe)


def first_line(error: Exception) -> str:
    """What another library's error about a file says, no longer than a line; its type where it says nothing."""
    lines = str(error).strip().splitlines()
    return (lines[0] if lines else type(error).__name__)[:200]


def sweep() -> None:
    """Remove what this process has half-written, before it ends at once."""
    for partial in list(_partial):
        with contextlib.suppress(OSError):
            partial.unlink(missing_ok=True)
