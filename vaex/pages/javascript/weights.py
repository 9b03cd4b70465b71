"""Arrays as text: half precision where it holds them, without what repeats, in base64."""

import base64
from typing import Any, NamedTuple

import numpy as np

_MOST = 6e4  # beyond which half precision has no numbers
_FEW = 16  # numbers, below which halves save nothing


class Stored(NamedTuple):
    """One array, as a page has it."""

    type: str  # "f2", "f4", "i4", "u4" or "u1"
    text: str  # its bytes in base64, without axes along which it repeats
    stored: tuple[int, ...]  # the shape of that
    shape: tuple[int, ...]  # its own


def stored(value: np.ndarray, *, is_half: bool = True) -> Stored:
    """An array for a page.

    Args:
        value: numbers of any type.
        is_half: whether real ones have half precision, 11 bits, where they are many and none is too large.
    """
    few = _without_repetition(value)
    if value.dtype.kind == "f":
        fits = few.size >= _FEW and bool(np.all(np.abs(few) < _MOST))
        kind = "f2" if is_half and fits else "f4"
    else:
        kind = {"b": "u1", "u": "u1" if value.dtype.itemsize == 1 else "u4"}.get(value.dtype.kind, "i4")
    return Stored(kind, base64.b64encode(few.astype("<" + kind).tobytes()).decode(), few.shape, value.shape)


def _without_repetition(value: np.ndarray) -> np.ndarray:
    """An array whose axes along which nothing changes have the length 1."""
    for axis in range(value.ndim):
        if value.size and value.shape[axis] > 1:
            first = value.take([0], axis=axis)
            value = first if np.array_equal(np.broadcast_to(first, value.shape), value) else value
    return value


def as_json(entries: list[Stored]) -> list[dict[str, Any]]:
    """For the page's own script, which gives each its shape back."""
    return [entry._asdict() for entry in entries]
