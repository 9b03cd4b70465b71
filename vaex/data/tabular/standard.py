"""What the numbers of columns are measured in: the means and the deviations of training rows, and 32 bits."""

import numpy as np

from vaex.data.tabular.values import class_name
from vaex.errors import UsageError
from vaex.models.columns import CLASSES, Columns

_FEW = 10  # rows, in which columns that have several values may have one


def standardized(columns: Columns, train: np.ndarray, source: str) -> Columns:
    """The columns with the means and the standard deviations of the training rows.

    Args:
        columns: D of them.
        train: the training rows, [N, D], nan where a value is missing.
        source: where they are from, for the error.

    Raises:
        UsageError: columns of one value, or of which no training row has one, or that float32 does not resolve.
    """
    inside = {"positive": np.log, "count": np.log1p}
    constant, found = [], []
    for column, values in zip(columns, train.T, strict=True):
        known = values[~np.isnan(values)].astype(np.float64)  # a column at a time: all are twice the data
        if len(np.unique(known)) < 2:
            constant.append((column, known))
            continue
        most = float(known.max())
        if column.type in ("binary", *CLASSES):
            found.append(column._replace(most=most))
            continue
        x = inside.get(column.type, lambda x: x)(known)
        center, scale = float(x.mean()), float(x.std())
        # The digits that a number and its logarithm have in 32 bits, whichever are fewer.
        if max(abs(center), column.type in inside) > 1e5 * scale:
            raise _unresolved(column.name, float(known.mean()), float(known.std()), source)
        found.append(column._replace(center=center, scale=scale, most=most))
    if constant:
        column, known = constant[0]
        value = "no value in any training row"
        if len(known):
            one = column.classes[int(known[0])] if column.classes else class_name(known[0])
            value = f"one value, {one}, in all training rows"
        left_out = ",".join(f"{one.name}=ignore" for one, _ in constant)
        cure = f'leave it out, --config.data.columns="{left_out}"'
        if 2 * len(constant) > len(columns) and len(train) <= _FEW:
            cure = f"so have {len(constant)} of {len(columns)} columns, of {len(train):,} rows: raise data.num_train"
        raise UsageError(f"{source}: column {column.name!r} has {value}: {cure}")
    return tuple(found)


def narrowed(name: str, values: np.ndarray, source: str) -> np.ndarray:
    """The values of a column in 32 bits.

    Raises:
        UsageError: these make one of all that differ.
    """
    narrow = values.astype(np.float32)
    known = values[~np.isnan(values)]
    if len(known) and known.min() < known.max() and np.nanmin(narrow) == np.nanmax(narrow):
        raise _unresolved(name, float(known.mean()), float(known.std()), source)
    return narrow


def _unresolved(name: str, center: float, scale: float, source: str) -> UsageError:
    lies = f"lies at {center:.7g} with a standard deviation of {scale:.3g}"
    return UsageError(f"{source}: column {name!r} {lies}, which 32-bit floats do not tell apart: subtract its mean")
