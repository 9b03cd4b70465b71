"""The columns of a table: what type each is, and how a row of them becomes what an encoder sees."""

from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

TYPES = ("real", "positive", "count", "binary", "categorical", "ordinal")
CLASSES = ("categorical", "ordinal")  # types of which a row has the number of a class


class Column(NamedTuple):
    """One column, whose values a row has in units of its own, or as the number of a class."""

    name: str
    type: str  # of TYPES
    center: float = 0.0  # mean over training rows: of a real column, of a positive's log x, of a count's log(1 + x)
    scale: float = 1.0  # the standard deviation of the same
    classes: tuple[str, ...] = ()  # the names of classes, in the order of their numbers
    most: float = 0.0  # the largest value of the training rows
    has_gaps: bool = False  # whether a value is missing in some row


Columns = tuple[Column, ...]


def positions(columns: Sequence[Column], *types: str) -> np.ndarray:
    """Where in a row the columns of some types are."""
    return np.array([i for i, column in enumerate(columns) if column.type in types], np.int32)


def have_gaps(columns: Sequence[Column]) -> bool:
    """Whether values of a table are missing."""
    return any(column.has_gaps for column in columns)


def units(columns: Sequence[Column]) -> tuple[Array, Array]:
    """The centers and the scales, each [D]: constants, or values that a program is given."""
    return jnp.asarray([c.center for c in columns], jnp.float32), jnp.asarray([c.scale for c in columns], jnp.float32)


def num_features(columns: Sequence[Column]) -> int:
    """How many numbers an encoder sees of a row."""
    return sum(len(column.classes) if column.type == "categorical" else 1 for column in columns)


def missing_row(columns: Sequence[Column]) -> Float[Array, " d"]:
    """The row of which an encoder sees zeros: what stands where values are missing, [D]."""
    return jnp.asarray([_BETWEEN[column.type](column) for column in columns], jnp.float32)


def features(columns: Sequence[Column], row: Float[Array, " d"]) -> Float[Array, " f"]:
    """What an encoder sees of a row: standardized numbers, and classes as one-hot vectors.

    (x - m) / s of real columns,  (log x - m) / s of positive ones,  (log(1 + x) - m) / s of counts,  2 x - 1 of binary
    ones,  a vector of zeros and a one of categories,  from -1 to 1 for the first to the last of ordered classes

    Args:
        columns: D of them.
        row: one row, of finite numbers.
    """
    center, scale = units(columns)
    is_positive, is_count = (np.array([c.type == one for c in columns]) for one in ("positive", "count"))
    last = np.array([max(len(c.classes) - 1, 1) if c.type == "ordinal" else 1 for c in columns], np.float32)
    is_ordered = np.array([c.type in ("binary", "ordinal") for c in columns])
    row = jnp.asarray(row)
    x = row
    if is_positive.any():
        x = jnp.where(is_positive, jnp.log(jnp.where(is_positive, row, 1.0)), x)
    if is_count.any():
        x = jnp.where(is_count, jnp.log1p(jnp.where(is_count, row, 0.0)), x)
    x = (x - center) / scale
    if is_ordered.any():
        x = jnp.where(is_ordered, 2 * row / last - 1, x)
    one_hot = [
        jax.nn.one_hot(row[i].astype(jnp.int32), len(columns[i].classes)) for i in positions(columns, "categorical")
    ]
    return jnp.concatenate([x[positions(columns, *(k for k in TYPES if k != "categorical"))], *one_hot])


_BETWEEN = {
    "real": lambda c: c.center,
    "positive": lambda c: jnp.exp(c.center),
    "count": lambda c: jnp.expm1(c.center),
    "binary": lambda c: 0.5,
    "categorical": lambda c: -1.0,  # no class
    "ordinal": lambda c: (len(c.classes) - 1) / 2,
}
