"""Decoded arrays on disk, with a checksum."""

import hashlib
import os
import re
import tempfile
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np


def cache_dir() -> Path:
    """The folder for what vaex can make again: $VAEX_CACHE_DIR, else vaex/ in the user's cache folder."""
    own = os.environ.get("VAEX_CACHE_DIR")
    return Path(own) if own else Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "vaex"


def cached(name: str, files: Sequence[Path], decode: Callable[[], dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
    """The arrays that `decode` makes of `files`, decoded once.

    The cache is an npz file, whose format carries a CRC-32 of every array; one that fails it is made again. Its name
    changes with the files' paths, sizes and times. A cache folder that cannot be written is done without.

    Args:
        name: the data set, to make the file's name readable.
        files: what `decode` reads.
        decode: makes the arrays.

    Returns:
        The arrays by their names.
    """
    stats = [(str(f.resolve()), (s := f.stat()).st_size, s.st_mtime_ns) for f in files]
    digest = hashlib.sha256(repr(stats).encode()).hexdigest()[:16]
    stem = re.sub(r"[^\w-]", "_", name)  # a name is no path
    path = cache_dir() / "data" / f"{stem}-{digest}.npz"
    if path.is_file():
        try:
            with np.load(path, allow_pickle=False) as arrays:
                return dict(arrays)
        except (zipfile.BadZipFile, OSError, ValueError, EOFError, KeyError) as error:
            print(f"cached data {path} is damaged ({error}): decoding it again", flush=True)
    arrays = decode()
    try:
        _write(path, arrays)
    except OSError as error:
        print(f"decoded data are not cached, {path.parent} cannot be written: {error}", flush=True)
    return arrays


def _write(path: Path, arrays: dict[str, np.ndarray]) -> None:
    """Write beside the final name, then rename: a reader never sees half a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=path.parent, suffix=".tmp", delete=False) as partial:
        try:
            np.savez(partial, **arrays)  # pyright: ignore[reportArgumentType]
            partial.close()
            os.replace(partial.name, path)
        except BaseException:
            Path(partial.name).unlink(missing_ok=True)
            raise
