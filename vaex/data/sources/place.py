"""Where a data set lies, and what reads it."""

import functools
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from vaex.data.blocks import Blocks, of_array

# train_images, train_labels, test_images, test_labels, and train_factors, test_factors, factor_names; all but the
# first may be missing.
Arrays = dict[str, np.ndarray]


class Place(NamedTuple):
    """Where a data set lies."""

    source: str  # in words
    read: Callable[[], Arrays]
    blocks: Callable[[], dict[str, Blocks]] | None = None  # the same in pieces; None: it cannot be streamed
    files: Sequence[Path] = ()  # that blocks reads
    below: Path | None = None  # the folder, where the names of files below it have a meaning


def at_once(source: str, read: Callable[[], Arrays], files: Sequence[Path] = ()) -> Place:
    """One that is decoded in memory, even where it is streamed from then on."""
    once = functools.cache(read)
    return Place(source, once, lambda: {key: of_array(array) for key, array in once().items()}, files)
