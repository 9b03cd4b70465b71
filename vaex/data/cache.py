"""Decoded arrays on disk, with a checksum of all of them and of their names."""

import contextlib
import fcntl
import hashlib
import os
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np

from vaex.data.npz import checksum, read_npz, write_npz
from vaex.errors import UsageError, WriteError
from vaex.files import cache_dir, replaced, writing

_CHECKSUM = "checksum"  # the name of an array of the cache
_VERSION = 2  # of what is decoded: raised where the same files come to mean other arrays


def cached(
    name: str, files: Sequence[Path], decode: Callable[[], dict[str, np.ndarray]], *, below: Path | None = None
) -> dict[str, np.ndarray]:
    """The arrays that `decode` makes of `files`, decoded once.

    The cache is an npz file with a checksum of all arrays and their names beside them; one that fails it is made again.
    Its name changes with the files' paths, sizes and times. A cache folder that cannot be written is done without.

    Args:
        name: the data set, to make the file's name readable.
        files: what `decode` reads.
        decode: makes the arrays.
        below: a folder, where names below it have a meaning.

    Returns:
        The arrays by their names.
    """
    path = cache_dir() / "data" / f"{cache_name(name, (_VERSION, file_stats(files, below)))}.npz"
    if path.is_file():
        try:
            return read_arrays(path)
        except UsageError as error:
            print(f"cached data are damaged, and decoded again: {error}", flush=True)
    arrays = decode()
    try:
        with alone_in(path.parent):
            write_arrays(path, arrays)
    except WriteError as error:
        print(f"decoded data are not cached: {error.advised('they are decoded anew each time')}", flush=True)
    return arrays


@contextlib.contextmanager
def alone_in(folder: Path, left: str = ".*.tmp") -> Iterator[None]:
    """Write in a folder of the cache while others wait; what a killed process has left half-written there is removed.

    Where the file system has no locks nobody waits and nothing is removed.

    Args:
        folder: it is made where there is none.
        left: the pattern of what is half-written.

    Raises:
        WriteError: it cannot be written in.
    """
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        lock = os.open(folder / ".lock", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o666)
    try:
        if _is_locked(lock, folder):
            for path in folder.glob(left):
                path.unlink(missing_ok=True)
        yield
    finally:
        os.close(lock)


def _is_locked(lock: int, folder: Path) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        print(f"waiting for another process, which writes in {folder}", flush=True)
        fcntl.flock(lock, fcntl.LOCK_EX)
    except OSError:
        return False
    return True


def cache_name(name: str, of: object) -> str:
    """A readable name that changes with what it is of; a name is no path."""
    stem = re.sub(r"[^\w-]", "_", name)
    return f"{stem}-{hashlib.sha256(repr(of).encode()).hexdigest()[:16]}"


def file_stats(files: Sequence[Path], below: Path | None = None) -> list[tuple[str | int, ...]]:
    """What tells files from others of their names: paths, sizes and times, and the names below a folder.

    A link has a name there, and a path elsewhere. Of the times one is that of the last change, which nobody sets: an
    archive that is unpacked over another gives its files the old time of writing.
    """
    names = [() if below is None else (str(f.relative_to(below)),) for f in files]
    stats = [f.stat() for f in files]
    return [
        (str(f.resolve()), s.st_size, s.st_mtime_ns, s.st_ctime_ns, *n)
        for f, s, n in zip(files, stats, names, strict=True)
    ]


def write_arrays(path: Path, arrays: dict[str, np.ndarray]) -> None:
    """Write an npz file with a checksum of all arrays, whole or not at all.

    Raises:
        WriteError: it cannot be written.
    """
    with replaced(path) as file:
        write_npz(file, {**arrays, _CHECKSUM: np.asarray(checksum(arrays), np.uint32)})


def read_arrays(path: Path) -> dict[str, np.ndarray]:
    """The arrays that write_arrays has written.

    Raises:
        UsageError: they are damaged.
    """
    arrays = read_npz(path)
    stored = arrays.pop(_CHECKSUM, None)
    if stored is None or stored.shape or int(stored) != checksum(arrays):
        raise UsageError(f"{path}: its checksum is another")
    return arrays
