"""Arrays [N, D], and tables with named columns -> rows of numbers, what their columns are, and the words for it."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from vaex.data.dtypes import is_characters, is_number, is_object
from vaex.data.sources.place import Arrays
from vaex.data.sources.tables import check_memory
from vaex.data.tabular.columns import Said, check_said, check_unsaid, classes_of, guessed, numbered
from vaex.data.tabular.values import as_values, class_name, listed, missing
from vaex.errors import UsageError
from vaex.models.columns import CLASSES, TYPES, Column, Columns

_BYTES = 8.0  # of each value, while rows are made of columns


class Rows(NamedTuple):
    """The rows of every split, and what their columns are, still without the training rows' means."""

    arrays: Arrays  # train_images and the like, float32 [N, D], nan where a value is missing; and labels
    columns: Columns
    label: Column | None = None  # the column that has become the label


def is_table(images: np.ndarray) -> bool:
    """Whether an array is a table: [N, D], or a structured array, whose fields are the columns."""
    return images.ndim == 2 or images.dtype.names is not None


def as_rows(arrays: Arrays, said: Mapping[str, Said], source: str) -> Rows:
    """The rows of tables, every column of the type that is said or guessed.

    Args:
        arrays: train_images, and where there is a test split test_images, [N, D] or structured; and labels.
        said: what a config says of columns; "" of all that it does not name.
        source: where they are from, for the error.

    Returns:
        Rows, in which a column that is said to be the label has become that.

    Raises:
        UsageError: splits of different columns, or values that a column's type has not; the message has the cure.
    """
    tables = {key: _fields(array) for key, array in arrays.items() if key.endswith("_images")}
    names = {key: tuple(table) for key, table in tables.items()}
    train = names["train_images"]
    if any(other != train for other in names.values()):
        raise UsageError(f"{source}: training rows have the columns {listed(train)}, test rows others: make them alike")
    check_said(said, train)
    size = sum(len(next(iter(table.values()))) for table in tables.values())
    check_memory(_BYTES * size * len(train), f"{source}, {size:,} rows of {len(train):,} columns,")
    columns, values, labels, label = [], {key: [] for key in tables}, {}, None
    for name in train:
        one = said.get(name) or said.get("")
        if one is not None and one.type == "ignore":
            continue
        parts = {key: as_values(table[name], f"{source}: column {name!r}") for key, table in tables.items()}
        together = np.concatenate(list(parts.values()))
        parts = {key: part.astype(together.dtype, copy=False) for key, part in parts.items()}  # a class has one name
        if one is None:
            check_unsaid(name, together)
            one = Said(guessed(together))
        if missing(together).all():
            cure = f'--config.data.columns="{name}=ignore" leaves it out'
            raise UsageError(f"{source}: column {name!r} has no value in any row: {cure}")
        is_class = one.type in (*CLASSES, "label")
        classes = classes_of(name, together, one) if is_class else ()
        type_ = "categorical" if one.type == "label" else one.type
        found = {key: numbered(name, part, type_, classes, f"{key.split('_')[0]} rows") for key, part in parts.items()}
        if one.type == "label":
            if (other := "labels beside its rows" if "train_labels" in arrays else label and label.name) is not None:
                raise UsageError(
                    f"{source}: column {name!r} is said to be the label, and so is {other}: expected one label; say "
                    f'that it is another type, or --config.data.columns="{name}=ignore"'
                )
            labels = {key.replace("images", "labels"): np.nan_to_num(part, nan=-1) for key, part in found.items()}
            label = Column(name, type_, classes=classes)
            continue
        columns.append(Column(name, type_, classes=classes, has_gaps=bool(missing(together).any())))
        for key, part in found.items():
            values[key].append(_narrowed(name, part, source))
    if not columns:
        raise UsageError(f"{source}: no column is left to model: expected at least one")
    rows = {key: np.stack(parts, axis=1) for key, parts in values.items()}
    for key, table in rows.items():
        empty = np.isnan(table).all(axis=1)
        if empty.any():
            raise UsageError(
                f"{source}: {int(empty.sum())} of the {key.split('_')[0]} rows have no value at all, the first is row "
                f"{int(np.argmax(empty))}: remove them"
            )
    return Rows(arrays | rows | labels, tuple(columns), label)


def one_of_each_class(columns: Columns, rows: np.ndarray) -> list[int]:
    """The first row of each class of each column, which a split that is made here leaves among the training rows."""
    kept: set[int] = set()
    for column, values in zip(columns, rows.T, strict=True):
        if column.type in ("binary", *CLASSES):
            classes, first = np.unique(values, return_index=True)
            kept.update(first[~np.isnan(classes)].tolist())
    return sorted(kept)


def check_classes(columns: Columns, train: np.ndarray, others: Sequence[np.ndarray], source: str) -> None:
    """Raise a UsageError for a class of validation and test rows, others, that no training row has."""
    for i, column in enumerate(columns):
        if column.type in CLASSES:
            values = np.concatenate([rows[:, i] for rows in others])
            if new := sorted(set(values[~np.isnan(values)].tolist()) - set(train[:, i].tolist())):
                name = column.classes[int(new[0])]
                raise UsageError(
                    f"{source}: the class {name!r} of column {column.name!r} is in {int((values == new[0]).sum())} of "
                    "the validation and test rows, and in no training row: move one there, join the class to another, "
                    f'or leave the column out, --config.data.columns="{column.name}=ignore"'
                )


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
            constant.append((column.name, known))
            continue
        most = float(known.max())
        if column.type in ("binary", *CLASSES):
            found.append(column._replace(most=most))
            continue
        x = inside.get(column.type, lambda x: x)(known)
        center, scale = float(x.mean()), float(x.std())
        if column.type == "real" and abs(center) > 1e5 * scale:
            raise _unresolved(column.name, center, scale, source)
        found.append(column._replace(center=center, scale=scale, most=most))
    if constant:
        name, known = constant[0]
        value = (
            f"one value, {class_name(known[0])}, in all training rows" if len(known) else "no value in any training row"
        )
        cure = ",".join(f"{name}=ignore" for name, _ in constant)
        raise UsageError(f'{source}: column {name!r} has {value}: leave it out, --config.data.columns="{cure}"')
    return tuple(found)


def _narrowed(name: str, values: np.ndarray, source: str) -> np.ndarray:
    """In 32 bits, if these leave different values different."""
    narrow = values.astype(np.float32)
    known = values[~np.isnan(values)]
    if len(known) and known.min() < known.max() and np.nanmin(narrow) == np.nanmax(narrow):
        raise _unresolved(name, float(known.mean()), float(known.std()), source)
    return narrow


def _unresolved(name: str, center: float, scale: float, source: str) -> UsageError:
    lies = f"lies at {center:.7g} with a standard deviation of {scale:.3g}"
    return UsageError(f"{source}: column {name!r} {lies}, which 32-bit floats do not tell apart: subtract its mean")


def described(columns: Columns, splits: Sequence[np.ndarray]) -> str:
    """What rows were taken for, in words."""
    by_type = {type_: [c.name for c in columns if c.type == type_] for type_ in TYPES}
    types = "; ".join(f"{len(names)} {type_} ({listed(names)})" for type_, names in by_type.items() if names)
    gone = sum(int(np.isnan(rows).sum()) for rows in splits)
    total = sum(rows.size for rows in splits)
    return (
        f"rows of {len(columns)} columns: {types}; {f'{gone / total:.2%}' if gone else 'none'} of the values missing; "
        "the encoder sees them standardized by the training rows, p(x) is in their own units"
    )


def _fields(table: np.ndarray) -> dict[str, np.ndarray]:
    if table.dtype.names is not None:
        return {name: table[name] for name in table.dtype.names}
    if not table.size or not is_number(table):
        cure = "text stands in a table, table:NAME.csv" if is_characters(table) or is_object(table) else "make it so"
        raise UsageError(f"rows of shape {table.shape} and type {table.dtype}: expected numbers, [N, D]; {cure}")
    return {f"x{i}": column for i, column in enumerate(table.T)}
