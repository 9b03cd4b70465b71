"""What the numbers of labels mean: classes from 0, and -1 where an image has none."""

from collections.abc import Sequence

import numpy as np

from vaex.data.dtypes import is_bool, is_float, is_number, is_unsigned
from vaex.errors import UsageError

_MOST = 65_535  # beyond it a number is no class: a hash, an index, or damage


def as_classes(labels: np.ndarray, num_images: int, what: str) -> np.ndarray:
    """Labels of any number type as classes.

    Args:
        labels: [N] or [N, 1]: truth values, integers, or floats that are whole; -1 for none.
        num_images: N.
        what: what they are, for the error.

    Returns:
        int32 [N].

    Raises:
        UsageError: another shape or type, or a number that is no class.
    """
    if labels.ndim == 2 and labels.shape[1] == 1:
        labels = labels[:, 0]
    if labels.shape != (num_images,):
        cure = "; of one-hot vectors take np.argmax(labels, axis=1)" if labels.ndim == 2 else ""
        raise UsageError(f"{what} have shape {labels.shape}: expected {(num_images,)}, one for each image{cure}")
    if not is_number(labels):
        cure = "number the classes from 0: np.unique(labels, return_inverse=True)[1]"
        raise UsageError(f"{what} are of type {labels.dtype}: expected whole numbers; {cure}")
    # A comparison with nan is false, and one with a whole number exact in every type.
    is_class = (
        (labels >= 0) & (labels <= _MOST)
        if is_bool(labels) or is_unsigned(labels)
        else (labels >= -1) & (labels <= _MOST)
    )
    if is_float(labels):
        is_class &= labels == np.round(labels)
    if not is_class.all():
        first = int(np.argmin(is_class))
        raise UsageError(
            f"{what}: that of image {first} is {labels[first]}: expected a class, a whole number from 0 to {_MOST:,}, "
            "or -1 for none"
        )
    return labels.astype(np.int32)


def described(splits: Sequence[np.ndarray], names: str = "", *, of: str = "images") -> str:
    """Which classes there are, by their names where they have some, and how many examples have none."""
    labels = np.concatenate(splits)
    known = labels[labels >= 0]
    if not len(known):
        return "no labels"
    without = f", none of {len(labels) - len(known):,} {of}" if len(known) < len(labels) else ""
    return f"labels {names or f'{known.min()} to {known.max()}'}{without}"
