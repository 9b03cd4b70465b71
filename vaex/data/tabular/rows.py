"""Arrays [N, D], and tables with named columns -> rows of numbers, what their columns are, and the words for it."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from vaex.data.dtypes import is_characters, is_number, is_object
from vaex.data.memory import check_memory
from vaex.data.sources.place import Arrays
from vaex.data.tabular.columns import Said, check_said, check_unsaid, classes_of, guessed, numbered
from vaex.data.tabular.standard import narrowed
from vaex.data.tabular.values import as_values, listed, missing
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
    tables = _tables(arrays, said, source)
    found = [
        _read(name, one, {key: table[name] for key, table in tables.items()}, source)
        for name in tables["train_images"]
        if (one := said.get(name) or said.get("")) is None or one.type != "ignore"
    ]
    label, labels = _label([one for one in found if one.is_label], arrays, source)
    modelled = [one for one in found if not one.is_label]
    if not modelled:
        raise UsageError(f"{source}: no column is left to model: expected at least one")
    rows = {key: np.stack([one.parts[key] for one in modelled], axis=1) for key in tables}
    for key, table in rows.items():
        empty = np.isnan(table).all(axis=1)
        if empty.any():
            raise UsageError(
                f"{source}: {int(empty.sum())} of the {key.split('_')[0]} rows have no value at all, the first is row "
                f"{int(np.argmax(empty))}: remove them"
            )
    return Rows(arrays | rows | labels, tuple(one.column for one in modelled), label)


class _Read(NamedTuple):
    """A column, with its numbers in each split, [N]."""

    column: Column
    parts: Arrays
    is_label: bool


def _tables(arrays: Arrays, said: Mapping[str, Said], source: str) -> dict[str, dict[str, np.ndarray]]:
    """The columns of each split by their names, which are alike, are those that are said, and fit into memory."""
    tables = {key: _fields(array) for key, array in arrays.items() if key.endswith("_images")}
    names = {key: tuple(table) for key, table in tables.items()}
    train = names["train_images"]
    if any(other != train for other in names.values()):
        raise UsageError(f"{source}: training rows have the columns {listed(train)}, test rows others: make them alike")
    check_said(said, train)
    size = sum(len(next(iter(table.values()))) for table in tables.values())
    check_memory(_BYTES * size * len(train), f"{source}, {size:,} rows of {len(train):,} columns,")
    return tables


def _read(name: str, one: Said | None, values: Mapping[str, np.ndarray], source: str) -> _Read:
    """A column as it is said to be, or guessed, in numbers of 32 bits; a label in those of its classes."""
    parts = {key: as_values(part, f"{source}: column {name!r}") for key, part in values.items()}
    together = np.concatenate(list(parts.values()))
    parts = {key: part.astype(together.dtype, copy=False) for key, part in parts.items()}  # a class has one name
    if one is None:
        check_unsaid(name, together)
        one = Said(guessed(together))
    if (gone := missing(together)).all():
        cure = f'--config.data.columns="{name}=ignore" leaves it out'
        raise UsageError(f"{source}: column {name!r} has no value in any row: {cure}")
    is_label = one.type == "label"
    classes = classes_of(name, together, one) if one.type in CLASSES or is_label else ()
    type_ = "categorical" if is_label else one.type
    found = {key: numbered(name, part, type_, classes, f"{key.split('_')[0]} rows") for key, part in parts.items()}
    if is_label:
        return _Read(Column(name, type_, classes=classes), found, is_label)
    column = Column(name, type_, classes=classes, has_gaps=bool(gone.any()))
    return _Read(column, {key: narrowed(name, part, source) for key, part in found.items()}, is_label)


def _label(found: Sequence[_Read], arrays: Arrays, source: str) -> tuple[Column | None, Arrays]:
    """The column that is the label, and its classes for labels, -1 where one is missing."""
    if not found:
        return None, {}
    label = found[-1].column
    if others := ["labels beside its rows"] * ("train_labels" in arrays) + [one.column.name for one in found[:-1]]:
        raise UsageError(
            f"{source}: column {label.name!r} is said to be the label, and so is {others[0]}: expected one label; say "
            f'that it is another type, or --config.data.columns="{label.name}=ignore"'
        )
    return label, {key.replace("images", "labels"): np.nan_to_num(part, nan=-1) for key, part in found[0].parts.items()}


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
