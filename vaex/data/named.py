"""Rows by the names of their columns: a table that is given becomes rows as they are modelled, and rows become one."""

import functools
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from vaex.data.columns import class_of, is_text, missing, numbered
from vaex.data.dtypes import is_number
from vaex.errors import UsageError
from vaex.models.columns import CLASSES, Column, Columns, positions

Table = Any  # rows [N, D], a structured array [N], or the values of columns by their names
_LISTED = 8  # names in a line
_CURE = "mend it, or leave it empty"


@functools.singledispatch
def fields(table: Table, columns: Columns, what: str) -> dict[str, np.ndarray]:
    """The columns of a table by their names: of a structured array or a mapping its own, of [N, D] those of training.

    Raises:
        UsageError: another shape, or columns that are missing.
    """
    array = np.asarray(table)
    if array.dtype.names is not None:
        return _all_there({name: array[name] for name in array.dtype.names}, columns, what)
    if array.shape[1:] != (len(columns),) or not array.size:
        raise UsageError(
            f"{what} have shape {array.shape}: expected [N, {len(columns)}] and at least one row, the columns "
            f"{_some([c.name for c in columns])}, as the model was trained on"
        )
    if not is_number(array):
        cure = "give them by their names, {name: values}; of a data frame that is dict(frame)"
        raise UsageError(f"{what} are of type {array.dtype}: expected numbers, [N, {len(columns)}]; {cure}")
    return {column.name: values for column, values in zip(columns, array.T, strict=True)}


@fields.register(Mapping)
def _(table: Mapping, columns: Columns, what: str) -> dict[str, np.ndarray]:
    found = {str(name): np.asarray(values, object) for name, values in table.items()}
    if len(lengths := {len(values) for values in found.values() if values.ndim == 1}) != 1:
        raise UsageError(f"{what}: found columns of {len(lengths)} lengths: expected as many values in each")
    return _all_there(found, columns, what)


@functools.singledispatch
def is_by_name(table: Table) -> bool:
    """Whether a table has names for its columns."""
    return np.asarray(table).dtype.names is not None


is_by_name.register(Mapping, lambda table: True)


def as_modelled(table: Table, columns: Columns, what: str) -> np.ndarray:
    """The rows of a table as they are modelled: float32 [N, D], classes by their numbers, nan where one is missing.

    Args:
        table: [N, D], a structured array [N], or the values of each column by its name, in any order and among others.
            A class is said by its name; without names of columns a class whose name is text by its number.
        columns: what the model was trained on.
        what: the rows are called in an error.

    Raises:
        UsageError: another shape, columns that are missing, a class that training did not see, or values that a
            column's type has not.
    """
    found, by_name = fields(table, columns, what), is_by_name(table)
    rows = [_numbers(column, found[column.name], by_name, what) for column in columns]
    return np.stack(rows, axis=1).astype(np.float32)


def class_numbers(column: Column, values: np.ndarray, what: str) -> np.ndarray:
    """The numbers of classes that are said by their names, [N], nan where one is missing."""
    gone, number = missing(values), {name: i for i, name in enumerate(column.classes)}
    name_of = class_of(values)
    names = [None if is_gone else name_of(value) for value, is_gone in zip(values, gone, strict=True)]
    if new := [(i, name) for i, name in enumerate(names) if name is not None and name not in number]:
        row, name = new[0]
        raise UsageError(
            f"{what}: column {column.name!r} has the class {name!r} in row {row}, which training did not see: expected "
            f"one of {_some(column.classes)}; {_CURE}"
        )
    return np.array([np.nan if name is None else number[name] for name in names])


def in_own_units(columns: Columns, rows: np.ndarray) -> np.ndarray:
    """Rows as they are modelled, [..., D], in the units of the data: a class whose name is a number is that number."""
    own = np.array(rows, np.float32)
    for i in positions(columns, *CLASSES):
        if (values := _values(columns[i])) is not None:
            known = ~np.isnan(own[..., i])
            own[..., i][known] = values[own[..., i][known].astype(int)]
    return own


def named(columns: Columns, rows: np.ndarray) -> dict[str, np.ndarray]:
    """The columns of rows in the units of the data, [N, D], by their names; classes by theirs, None where missing.

    Raises:
        UsageError: another shape than that of such rows.
    """
    if np.shape(rows)[1:] != (len(columns),) or not columns:
        raise UsageError(f"rows have shape {np.shape(rows)}: expected [N, {len(columns)}], of a model of a table")
    return {column.name: _by_class(column, values) for column, values in zip(columns, rows.T, strict=True)}


def _numbers(column: Column, values: np.ndarray, by_name: bool, what: str) -> np.ndarray:
    if column.type not in CLASSES:
        return numbered(column.name, values, column.type, (), what, cure=_CURE)
    if by_name or is_text(values) or _values(column) is not None:
        return class_numbers(column, values, what)
    known = values[~missing(values)].astype(np.float64)
    if wrong := [one for one in known.tolist() if one not in range(len(column.classes))]:
        raise UsageError(
            f"{what}: column {column.name!r} has the number {wrong[0]:g}: expected 0 to {len(column.classes) - 1}, for "
            f"{_some(column.classes)}"
        )
    return values


def _values(column: Column) -> np.ndarray | None:
    """The numbers that the names of all classes are, or None."""
    try:
        return np.array([float(name) for name in column.classes], np.float32)
    except ValueError:
        return None


def _by_class(column: Column, values: np.ndarray) -> np.ndarray:
    if column.type not in CLASSES or _values(column) is not None:
        return values
    return np.array([None if np.isnan(one) else column.classes[int(one)] for one in values], object)


def _all_there(found: dict[str, np.ndarray], columns: Columns, what: str) -> dict[str, np.ndarray]:
    for name in (column.name for column in columns):
        if name not in found or found[name].ndim != 1:
            cure = "add it, empty where its values are not known" if name not in found else "give one value a row"
            raise UsageError(
                f"{what}: found the columns {_some([*found])}: expected {name!r} too, as in training; {cure}"
            )
    return found


def _some(names: Sequence[str]) -> str:
    return ", ".join(names) if len(names) <= _LISTED else f"{', '.join(names[:3])}, ..., {names[-1]}"
