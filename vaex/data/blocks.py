"""Arrays that are read in pieces along their first axis, so that none of them has to lie in memory as a whole."""

import contextlib
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple, Protocol, runtime_checkable

import numpy as np

from vaex.errors import UsageError
from vaex.files import first_line

_BYTES = 2**23  # of a piece


@runtime_checkable
class _Readable(Protocol):
    def read(self, size: int = -1, /) -> bytes: ...


class Blocks(NamedTuple):
    """An array in pieces."""

    shape: tuple[int, ...]
    dtype: np.dtype
    read: Callable[[], Iterator[np.ndarray]]  # the pieces in their order, as often as it is called

    @property
    def nbytes(self) -> int:
        """What it takes in memory."""
        return int(np.prod(self.shape, dtype=np.int64)) * self.dtype.itemsize


def whole(blocks: Blocks) -> np.ndarray:
    """The array itself."""
    pieces = list(blocks.read())
    return np.concatenate(pieces) if pieces else np.empty(blocks.shape, blocks.dtype)


def of_array(array: np.ndarray) -> Blocks:
    """One that lies in memory, as a single piece."""
    return Blocks(array.shape, array.dtype, lambda: iter((array,)))


def of_npy(path: Path) -> Blocks:
    """The array of an npy file.

    Raises:
        UsageError: it is none, or holds objects; and in reading, it ends before its last record.
    """
    return _of_file(str(path), lambda: path.open("rb"))


def of_npz(path: Path, name: str) -> Blocks:
    """An array of an npz file, compressed or not.

    Raises:
        UsageError: as of_npy; and in reading, damage, which zlib or the file's own checksum tells of.
    """

    @contextlib.contextmanager
    def opened() -> Iterator[_Readable]:
        with zipfile.ZipFile(path) as file, file.open(f"{name}.npy") as member:
            yield member

    return _of_file(f"{path}: {name}", opened)


def rows_of(blocks: Blocks) -> Iterator[tuple[slice, np.ndarray]]:
    """Its pieces with where they lie."""
    start = 0
    for piece in blocks.read():
        yield slice(start, start + len(piece)), piece
        start += len(piece)


def per_piece(record_bytes: int) -> int:
    """How many records make a piece."""
    return max(1, _BYTES // max(record_bytes, 1))


def _of_file(what: str, opened: Callable[[], contextlib.AbstractContextManager[_Readable]]) -> Blocks:
    with _told(what), opened() as file:
        shape, is_fortran, dtype = _header(file)
    if dtype.hasobject or is_fortran or not shape:
        found = "objects" if dtype.hasobject else "an array in Fortran's order" if is_fortran else "a single number"
        raise UsageError(f"{what}: holds {found}, which cannot be read in pieces: save np.ascontiguousarray of numbers")

    def read() -> Iterator[np.ndarray]:
        size = int(np.prod(shape[1:], dtype=np.int64)) * dtype.itemsize
        at = 0
        with opened() as file:
            _header(file)
            while at < shape[0]:
                num = min(per_piece(size), shape[0] - at)
                with _told(f"{what}, read up to record {at + num}"):
                    raw = file.read(num * size)
                if len(raw) < num * size:
                    raise UsageError(
                        f"{what}: ends in record {at + len(raw) // size} of {shape[0]}: get or make the file again"
                    )
                yield np.frombuffer(raw, dtype).reshape(num, *shape[1:])
                at += num

    return Blocks(shape, dtype, read)


def _header(file: _Readable) -> tuple[tuple[int, ...], bool, np.dtype]:
    version = np.lib.format.read_magic(file)
    of_version = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    return of_version(file)


@contextlib.contextmanager
def _told(what: str) -> Iterator[None]:
    """Damage, in one line."""
    try:
        yield
    except (OSError, ValueError, EOFError, KeyError, NotImplementedError, zipfile.BadZipFile, zlib.error) as error:
        raise UsageError(f"{what}: not readable ({first_line(error)}): get or make the file again") from None
