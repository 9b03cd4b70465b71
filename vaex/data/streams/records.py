"""Records on disk, of one size each: written once from pieces, read by their indices, each with a checksum."""

import contextlib
import os
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from vaex.data.blocks import per_piece
from vaex.data.cache import read_arrays, write_arrays
from vaex.errors import UsageError, WriteError
from vaex.files import replaced

Put = Callable[[np.ndarray, np.ndarray], None]


class Records(NamedTuple):
    """An npy file whose rows are read as they are needed."""

    path: Path
    shape: tuple[int, ...]  # [N, ...]; a file may have more
    sums: np.ndarray  # uint32 [N], the CRC-32 of each

    def first(self, num: int) -> "Records":
        """The first of them."""
        return self._replace(shape=(num, *self.shape[1:]), sums=self.sums[:num])


@contextlib.contextmanager
def writing_records(path: Path, shape: tuple[int, ...]) -> Iterator[tuple[Put, np.ndarray]]:
    """A new npy file of uint8 records, whole or not at all.

    Args:
        path: the file.
        shape: of all of them, [N, ...].

    Yields:
        What writes records [n, ...] at places [n], each of which comes once, and the checksums, which it fills in.

    Raises:
        WriteError: it cannot be written.
    """
    sums = np.zeros(shape[0], np.uint32)
    size = int(np.prod(shape[1:]))
    with replaced(path) as file:
        np.lib.format.write_array_header_1_0(file, {"descr": "|u1", "fortran_order": False, "shape": shape})
        start = file.tell()
        file.truncate(start + shape[0] * size)
        file.flush()

        def put(places: np.ndarray, records: np.ndarray) -> None:
            rows = np.ascontiguousarray(records).reshape(len(records), size)
            for place, row in zip(places.tolist(), rows, strict=True):
                sums[place] = zlib.crc32(row.data)
                _write_at(file.fileno(), row.data, start + place * size)

        yield put, sums


def _write_at(descriptor: int, row: memoryview, at: int) -> None:
    """Not into mapped memory, where a disk that is full kills the process."""
    while row:
        written = os.pwrite(descriptor, row, at)
        row, at = row[written:], at + written


def mapped(records: Records) -> np.ndarray:
    """All of them as an array, of which memory holds what is looked at.

    Raises:
        UsageError: the file is gone, or is another.
    """
    try:
        found = np.load(records.path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise UsageError(f"{records.path}: not readable ({' '.join(str(error).split())}): {_cure(records)}") from None
    if found.dtype != np.uint8 or found.shape[1:] != records.shape[1:] or len(found) < len(records.sums):
        raise UsageError(f"{records.path} has shape {found.shape}, and had {records.shape}: {_cure(records)}")
    return np.asarray(found)[: records.shape[0]]


def read_records(records: Records, indices: np.ndarray) -> np.ndarray:
    """Those of some indices, [n, ...]; fastest where these are sorted.

    The file is mapped anew each time, so that what has been read does not stay in this process's memory.

    Raises:
        UsageError: a record is not what was written; the message names the file and the record.
    """
    found = mapped(records)[indices]
    crc32 = zlib.crc32
    sums = [crc32(row.data) for row in found]
    if (bad := np.flatnonzero(np.array(sums, np.uint32) != records.sums[indices])).size:
        raise UsageError(
            f"{records.path}: record {indices[bad[0]]} is corrupt, its checksum is another: {_cure(records)}"
        )
    return found


def sum_of_records(records: Records) -> np.ndarray:
    """The sum of all of them, int64, which is kept in a file beside them."""
    num = records.shape[0]
    path = records.path.with_name(f"{records.path.stem}_sum_{num}.npz")
    with contextlib.suppress(UsageError):  # there is none, or it is damaged
        return read_arrays(path)["sum"]
    total = np.zeros(records.shape[1:], np.int64)
    for i in range(0, num, per_piece(int(total.size))):
        piece = read_records(records, np.arange(i, min(num, i + per_piece(int(total.size)))))
        total += piece.sum(axis=0, dtype=np.int64)
    with contextlib.suppress(WriteError):
        write_arrays(path, {"sum": total})  # which saves a reading the next time
    return total


def _cure(records: Records) -> str:
    return f"remove {records.path.parent}, and the same command makes it again"
