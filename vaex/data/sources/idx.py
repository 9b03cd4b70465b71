"""IDX files, as MNIST was published in: the arrays of a folder of them."""

import gzip
import math
import struct
import zlib
from pathlib import Path

import numpy as np

from vaex.data.sources.place import Arrays
from vaex.errors import UsageError

_IDX_STEMS = {
    "train_images": "train-images?idx3-ubyte",
    "train_labels": "train-labels?idx1-ubyte",
    "test_images": "t10k-images?idx3-ubyte",
    "test_labels": "t10k-labels?idx1-ubyte",
}


def idx_files(folder: Path) -> dict[str, Path]:
    """The IDX files in a folder, gzipped or not, by the array that each holds; {} without training images."""
    files = {key: path for key, stem in _IDX_STEMS.items() for path in sorted(folder.glob(f"{stem}*"))}
    return files if "train_images" in files else {}


def read_idx_files(files: dict[str, Path]) -> Arrays:
    """The arrays of several IDX files."""
    return {key: read_idx(path) for key, path in files.items()}


def read_idx(path: Path) -> np.ndarray:
    """One IDX file of unsigned bytes, gzipped or not.

    Raises:
        UsageError: not an IDX file of unsigned bytes, or not as long as its header says.
    """
    return idx_array(path.read_bytes(), str(path))


def idx_array(raw: bytes, source: str) -> np.ndarray:
    """The same of its bytes, which came from `source`: gzipped where that ends so."""
    cure = "get the file again"
    try:
        raw = gzip.decompress(raw) if source.endswith(".gz") else raw
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise UsageError(f"{source}: truncated or damaged gzip file ({error}): {cure}") from None
    if len(raw) < 4 or raw[:3] != b"\0\0\x08" or not 1 <= raw[3] <= 4 or len(raw) < 4 + 4 * raw[3]:
        raise UsageError(
            f"{source}: not an IDX file of unsigned bytes (it starts with {raw[:4].hex(' ')}; "
            f"expected 00 00 08 and the rank): {cure}"
        )
    shape = struct.unpack(f">{raw[3]}I", raw[4 : 4 + 4 * raw[3]])
    body = len(raw) - 4 - 4 * raw[3]
    if body != math.prod(shape):
        raise UsageError(
            f"{source}: {body:,} bytes of data where its header says {'x'.join(map(str, shape))} = "
            f"{math.prod(shape):,}: {cure}"
        )
    return np.frombuffer(raw, np.uint8, offset=4 + 4 * raw[3]).reshape(shape)
