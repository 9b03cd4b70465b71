"""Rows by the names of their columns: a table that is given becomes rows as they are modelled, and rows become one."""

import functools
from collections.abc import Mapping
from typing import Any

import numpy as np

from vaex.data.dtypes import array_of, is_number
from vaex.data.tabular.columns import numbered
from vaex.data.tabular.values import as_values, class_name, class_numbers, holds_text, is_numeral, listed, missing
from vaex.errors import UsageError
from vaex.models.columns import CLASSES, Column, Columns, positions

Table = Any  # rows [N, D], a structured array [N], a data frame, or the values of columns by their names
_CURE = "mend it, or leave it empty"


@functools.singledispatch
def fields(table: Table, columns: Columns, what: str) -> dict[str, object]:
    """The columns of a table by their names: of a structured array or a mapping its own, of [N, D] those of training.

    Raises:
        UsageError: another shape, or columns that are missing.
    """
    if names := _names_of_frame(table):
        return fields({name: table[name] for name in names}, columns, what)
    array = array_of(table, what)
    if array.dtype.names is not None:
        return _all_there({name: array[name] for name in array.dtype.names}, columns, what)
    if array.shape[1:] != (len(columns),) or not array.size:
        raise UsageError(
            f"{what} have shape {array.shape}: expected [N, {len(columns)}] and at least one row, the columns "
            f"{listed([c.name for c in columns])}, as the model was trained on"
        )
    if not is_number(array):
        cure = "give them by their names, {name: values}; of a data frame that is dict(frame)"
        raise UsageError(f"{what} are of type {array.dtype}: expected numbers, [N, {len(columns)}]; {cure}")
    return {column.name: values for column, values in zip(columns, array.T, strict=True)}


@fields.register(Mapping)
def _(table: Mapping, columns: Columns, what: str) -> dict[str, object]:
    found = {str(name): values for name, values in table.items()}
    arrays = [np.asarray(values, object) for values in found.values()]
    if any(array.ndim == 0 for array in arrays):
        raise UsageError(f"{what}: found one value in the place of a column: expected [N] of them; [value] is one row")
    if len(lengths := {len(array) for array in arrays if array.ndim == 1}) != 1:
        raise UsageError(f"{what}: found columns of {len(lengths)} lengths: expected as many values in each")
    return _all_there(found, columns, what)


@functools.singledispatch
def is_by_name(table: Table) -> bool:
    """Whether a table has names for its columns."""
    return bool(_names_of_frame(table)) or array_of(table, "what is given").dtype.names is not None


is_by_name.register(Mapping, lambda table: True)


def _names_of_frame(table: Table) -> list[str]:
    """Of the columns of a data frame, whosever it is; none of one whose columns have numbers alone."""
    match table:
        case object(columns=names, shape=(_, _)):
            return list(names) if all(type(name) is str for name in names) else []
    return []


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
    rows = [_numbers(column, _values_of(column, found, what), by_name, what) for column in columns]
    return np.stack(rows, axis=1).astype(np.float32)


def label_numbers(column: Column, table: Table, what: str) -> np.ndarray | None:
    """The numbers of the classes of a label, [N], -1 where one is missing; None where a table has no such column."""
    found = fields(table, (), what)
    if column.name not in found:
        return None
    return numbers_of(column, _values_of(column, found, what), what)


def numbers_of(column: Column, labels: np.ndarray, what: str) -> np.ndarray:
    """The numbers of the classes that labels name, [N], -1 where one is missing.

    Raises:
        UsageError: one that is no class of this column.
    """
    return np.nan_to_num(_class_numbers(column, labels, what), nan=-1).astype(np.int32)


def in_own_units(columns: Columns, rows: np.ndarray) -> np.ndarray:
    """Rows as they are modelled, [..., D], in the units of the data: a class whose name is a number is that number."""
    numbers = {i: of for i in positions(columns, *CLASSES) if (of := _values(columns[i])) is not None}
    own = np.array(rows, np.float64 if numbers else np.float32)
    for i, values in numbers.items():
        known = ~np.isnan(own[..., i])
        own[..., i][known] = values[own[..., i][known].astype(int)]
    return own


def named(columns: Columns, rows: np.ndarray) -> dict[str, np.ndarray]:
    """The columns of rows in the units of the data, [N, D], by their names; classes by theirs, None where missing.

    Raises:
        UsageError: another shape than that of such rows.
    """
    rows = np.asarray(rows)
    if rows.shape[1:] != (len(columns),) or not columns:
        raise UsageError(f"rows have shape {rows.shape}: expected [N, {len(columns)}], of a model of a table")
    return {column.name: _by_class(column, values) for column, values in zip(columns, rows.T, strict=True)}


def completed(table: np.ndarray, found: Mapping[str, np.ndarray], observed: np.ndarray) -> dict[str, np.ndarray]:
    """All columns of a table: what stands there, and what was found where a value of the model's is not observed.

    Args:
        table: a structured array, [N].
        found: the values of the D columns of the model, [N] each, by their names.
        observed: [N, D], True where the table's own value stays.
    """
    own = {name: table[name].astype(object) for name in table.dtype.names or ()}
    for cells in own.values():
        cells[missing(cells)] = None
    filled = zip(found.items(), observed.T, strict=True)
    return own | {name: np.where(known, own[name], values.astype(object)) for (name, values), known in filled}


def _numbers(column: Column, values: np.ndarray, by_name: bool, what: str) -> np.ndarray:
    if column.type not in CLASSES:
        return numbered(column.name, values, column.type, (), what, cure=_CURE)
    if by_name or holds_text(values) or _values(column) is not None:
        return _class_numbers(column, values, what)
    known = values[~missing(values)].astype(np.float64)
    if wrong := [one for one in known.tolist() if one not in range(len(column.classes))]:
        raise UsageError(
            f"{what}: column {column.name!r} has the number {class_name(wrong[0])}: expected 0 to "
            f"{len(column.classes) - 1}, for {listed(column.classes)}"
        )
    return values


def _class_numbers(column: Column, values: np.ndarray, what: str) -> np.ndarray:
    """The numbers of classes that are said by their names, [N], nan where one is missing."""
    known = np.flatnonzero(~missing(values))
    found = class_numbers(values[known].tolist(), column.classes)
    if None in found:
        row = known[found.index(None)]
        raise UsageError(
            f"{what}: column {column.name!r} has the class {class_name(values[row])!r} in row {row}, which training "
            f"did not see: expected one of {listed(column.classes)}; {_CURE}"
        )
    numbers = np.full(len(values), np.nan)
    numbers[known] = found
    return numbers


def _values_of(column: Column, found: Mapping[str, object], what: str) -> np.ndarray:
    return as_values(found[column.name], f"{what}: column {column.name!r}")


def _values(column: Column) -> np.ndarray | None:
    """The numbers that all classes are; None where the name of one is other text, such as 02134."""
    if all(map(is_numeral, column.classes)):
        return np.array([float(name) for name in column.classes])
    return None


def _by_class(column: Column, values: np.ndarray) -> np.ndarray:
    if column.type not in CLASSES:
        return np.asarray(values, np.float32)  # as they are modelled: in 64 bits they would be told by more digits
    if _values(column) is not None:
        return values
    return np.array([None if np.isnan(one) else column.classes[int(one)] for one in values], object)


def _all_there(found: dict[str, object], columns: Columns, what: str) -> dict[str, object]:
    for name in (column.name for column in columns):
        if name not in found:
            raise UsageError(
                f"{what}: found the columns {listed([*found])}: expected {name!r} too, as in training; add it, empty "
                "where its values are not known"
            )
    return found
