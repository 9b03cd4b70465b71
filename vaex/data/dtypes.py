"""What is given as an array, and what its numbers are, by numpy's families of types."""

import numpy as np

from vaex.errors import UsageError


def array_of(value: object, what: str) -> np.ndarray:
    """What is given as an array.

    Args:
        value: an array of any library, or nested lists.
        what: it is, for the error.

    Raises:
        UsageError: rows of several lengths, or an array of numpy's with a mask of its own, which would be lost.
    """
    check_unmasked(value, what)
    try:
        return np.asarray(value)
    except ValueError:
        raise UsageError(f"{what}: found rows of several lengths: expected one array; make them alike") from None


def check_unmasked(value: object, what: str) -> None:
    """Raise a UsageError for an array of numpy's with a mask of its own."""
    match value:
        case np.ma.MaskedArray():
            cure = "give it as x.astype(float).filled(numpy.nan), or x.data and mask=~x.mask beside it"
            raise UsageError(f"{what}: found a masked array of numpy's, whose mask is not read: {cure}")


def is_bool(array: np.ndarray) -> bool:
    """Truth values."""
    return _is(array, np.bool_)


def is_whole(array: np.ndarray) -> bool:
    """Whole numbers, of a signed type or not, but no spans of time, which numpy counts among them."""
    return _is(array, np.integer) and not _is(array, np.timedelta64)


def is_unsigned(array: np.ndarray) -> bool:
    """Whole numbers of an unsigned type."""
    return _is(array, np.unsignedinteger)


def is_float(array: np.ndarray) -> bool:
    """Real numbers."""
    return _is(array, np.floating)


def is_number(array: np.ndarray) -> bool:
    """Real or whole numbers, or truth values."""
    return is_float(array) or is_whole(array) or is_bool(array)


def is_characters(array: np.ndarray) -> bool:
    """Text, as numpy stores it."""
    return _is(array, np.character)


def is_object(array: np.ndarray) -> bool:
    """Python's objects."""
    return array.dtype == object


def _is(array: np.ndarray, family: type[np.generic]) -> bool:
    return bool(np.issubdtype(array.dtype, family))
