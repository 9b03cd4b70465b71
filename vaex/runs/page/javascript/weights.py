"""Arrays as text: in as few bits as a page can bear, without what repeats, in base64."""

import base64
from typing import NamedTuple

import numpy as np

_MOST = 6e4  # beyond which half precision has no numbers
_FEW = 16  # numbers, below which fewer bits save nothing


class Stored(NamedTuple):
    """One array, as a page has it."""

    type: str  # "f2", "f4", "i4", "u4", "u1", or "i1" of real numbers, with a scale for each column
    text: str  # its bytes in base64, without axes along which it repeats
    stored: tuple[int, ...]  # the shape of that
    shape: tuple[int, ...]  # its own
    scales: str = ""  # of columns, as "f4"


def stored(value: np.ndarray, *, bits: int = 16) -> Stored:
    """An array for a page.

    Args:
        value: numbers of any type.
        bits: of each real number where they are many: 32, 16 where none is too large, or 8, whole multiples of a
            127th of the largest in its column.
    """
    few = _without_repetition(value)
    as_text = lambda a, kind: base64.b64encode(a.astype("<" + kind).tobytes()).decode()
    if not np.issubdtype(value.dtype, np.floating):
        kind = {"b": "u1", "u": "u1" if value.dtype.itemsize == 1 else "u4"}.get(value.dtype.kind, "i4")
        return Stored(kind, as_text(few, kind), few.shape, value.shape)
    many = few.size >= _FEW and bool(np.all(np.abs(few) < _MOST))
    if bits == 8 and many and few.ndim > 1:
        scale = np.maximum(np.abs(few).reshape(-1, few.shape[-1]).max(axis=0) / 127, 1e-30)
        return Stored("i1", as_text(np.rint(few / scale), "i1"), few.shape, value.shape, as_text(scale, "f4"))
    kind = "f2" if bits <= 16 and many else "f4"
    return Stored(kind, as_text(few, kind), few.shape, value.shape)


def _without_repetition(value: np.ndarray) -> np.ndarray:
    """An array whose axes along which nothing changes have the length 1."""
    for axis in range(value.ndim):
        if value.size and value.shape[axis] > 1:
            first = value.take([0], axis=axis)
            value = first if np.array_equal(np.broadcast_to(first, value.shape), value) else value
    return value
