"""npz files, read so that damage is told, and a checksum of arrays with their names."""

import struct
import warnings
import zipfile
import zlib
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import ArrayLike

from vaex.errors import UsageError
from vaex.files import first_line

_END = b"PK\x05\x06"  # of a zip file's directory: 22 bytes, then a comment of at most 65,535


def write_npz(file: IO[bytes], arrays: Mapping[str, ArrayLike]) -> None:
    """Arrays by their names."""
    np.savez(file, allow_pickle=False, **arrays)


def read_npz(path: Path, only: Collection[str] | None = None) -> dict[str, np.ndarray]:
    """Every array of an npz file, by its name, or only those of some names.

    The format has a CRC-32 of each array, but none of its directory: entries that its end counts and that are not found
    there would be lost without a word.

    Args:
        path: the file.
        only: the names of what is read, where they are in it; others may hold objects, which nothing here loads.

    Raises:
        UsageError: it is damaged, no npz file, or what is read of it holds objects.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of numpy's, about what is refused below
            with np.load(path, allow_pickle=False) as stored:
                found = list(stored.files)
                arrays = {name: stored[name] for name in found if only is None or name in only}
                others = [member for member in stored.zip.namelist() if member.removesuffix(".npy") not in arrays]
                for member in others:  # read for its checksum alone: with a damaged name it may be what is wanted
                    stored.zip.read(member)
        counted = _counted(path)
    except Exception as error:  # zipfile's and numpy's readers raise a dozen kinds for the bytes of a stranger
        raise _unreadable(path, error) from None
    num_names = len(set(found))
    if num_names != counted or not all(type(array) is np.ndarray for array in arrays.values()):
        raise _damaged(path, num_names, counted)
    return arrays


def names(path: Path) -> list[str]:
    """The names of the arrays of an npz file, none of which is read.

    Raises:
        UsageError: it is damaged, or no npz file.
    """
    try:
        with np.load(path, allow_pickle=False) as stored:
            found, counted = list(stored.files), _counted(path)
    except Exception as error:  # as above
        raise _unreadable(path, error) from None
    if len(set(found)) != counted:
        raise _damaged(path, len(set(found)), counted)
    return found


def checksum(arrays: Mapping[str, np.ndarray]) -> int:
    """The CRC-32 of arrays with their names, types and shapes, in their order."""
    crc = 0
    for name, array in arrays.items():
        crc = zlib.crc32(repr((name, array.dtype.str, array.shape)).encode(), crc)
        crc = zlib.crc32(np.ascontiguousarray(array).reshape(-1).view(np.uint8).data, crc)
    return crc


def _unreadable(path: Path, error: Exception) -> UsageError:
    of_objects = "; of labels make whole numbers, -1 for none" if "Object arrays" in str(error) else ""
    return UsageError(f"{path}: not a readable npz file ({first_line(error)}): get or make it again{of_objects}")


def _damaged(path: Path, num_names: int, counted: int) -> UsageError:
    return UsageError(
        f"{path}: a damaged npz file ({num_names} arrays, its directory counts {counted}): get or make it again"
    )


def _counted(path: Path) -> int:
    """How many entries the end of a zip file's directory counts."""
    size = path.stat().st_size
    with path.open("rb") as file:
        file.seek(max(0, size - 22 - 65_535))
        tail = file.read()
    at = tail.rfind(_END)
    if at < 0:
        raise zipfile.BadZipFile("it has no directory")
    return struct.unpack_from("<H", tail, at + 10)[0]
