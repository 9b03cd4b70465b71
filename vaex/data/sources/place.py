"""Where a data set lies, and what reads it."""

import functools
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from vaex.data.blocks import Blocks, of_array
from vaex.errors import UsageError

Arrays = dict[str, np.ndarray]
_NAMES = ("train_images", "train_labels", "test_images", "test_labels", "train_factors", "test_factors", "factor_names")


class Place(NamedTuple):
    """Where a data set lies."""

    source: str  # in words
    read: Callable[[], Arrays]
    blocks: Callable[[], dict[str, Blocks]] | None = None  # the same in pieces; None: it cannot be streamed
    files: Sequence[Path] = ()  # that blocks reads
    below: Path | None = None  # the folder, where the names of files below it have a meaning


def check_names(arrays: Arrays, source: str) -> None:
    """Arrays have the names that are read, of which all but the first may be missing.

    Raises:
        UsageError: they have not.
    """
    unknown = [name for name in arrays if name not in _NAMES]
    if unknown or _NAMES[0] not in arrays:
        others = ", ".join(_NAMES[1:])
        raise UsageError(
            f"{source} gives {', '.join(arrays)}: expected {_NAMES[0]}, and beside it no others than {others}"
        )


def at_once(source: str, read: Callable[[], Arrays], files: Sequence[Path] = ()) -> Place:
    """One that is decoded in memory, even where it is streamed from then on."""
    once = functools.cache(read)
    return Place(source, once, lambda: {key: of_array(array) for key, array in once().items()}, files)
