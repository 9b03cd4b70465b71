"""Tables in CSV and Parquet files, by pyarrow -> structured arrays, a field to a column."""

import importlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from vaex.data.memory import check_memory
from vaex.data.sources.place import Arrays
from vaex.data.tabular.values import holds_text, reads_as_number
from vaex.errors import UsageError
from vaex.files import expanded, first_line

ArrowTable = Any  # of pyarrow, which is imported where it is used
TABLES = (".csv", ".tsv", ".parquet")
_NO_VALUE = ["", "NA", "N/A", "NaN", "nan", "null", "NULL", "None", "?"]
_CURE = "save the file as UTF-8"
_LONGEST = 10_000  # of a line that is looked into
_UNSURE = ("int64", "date", "time")  # how the types of columns begin that may be more than they seem
_COPIES = 4  # of a table's numbers, at most, that are held at once while it is read


def read_table(
    argument: str, *, is_text: Callable[[str], bool] = lambda name: False, is_raw: bool = False
) -> tuple[Arrays, str]:
    """A CSV, TSV or Parquet file, or a folder that holds train and test of one, such as train.csv and test.csv.

    Args:
        argument: the file or the folder.
        is_text: whether the column of a name is told as it stands in a file of text, where 1.10 is not 1.1; so is one
            that is text in the other file of a folder.
        is_raw: so is every column, also where there is no value.

    Returns:
        train_images, and test_images where there are any, structured arrays [N]; and where they are from.

    Raises:
        UsageError: no such file, one that cannot be read, or one that memory has no room for.
    """
    path = expanded(argument)
    if not path.is_dir():
        return {"train_images": _read(path, is_text, is_raw)}, str(path)
    files = {split: [f for s in TABLES if (f := path / f"{split}{s}").is_file()] for split in ("train", "test")}
    if any(len(found) != 1 for found in files.values()):
        raise UsageError(f"{path} is a folder: expected one train and one test in it, of {', '.join(TABLES)}")
    tables = {split: _read(found[0], is_text, is_raw) for split, found in files.items()}
    of_text = {split: _text_columns(table) for split, table in tables.items()}
    text = set().union(*of_text.values())
    for split, found in files.items():
        if text & set(tables[split].dtype.names or ()) != of_text[split]:
            tables[split] = _read(found[0], lambda name: name in text or is_text(name), is_raw)
    return {f"{split}_images": table for split, table in tables.items()}, str(path)


def _text_columns(table: np.ndarray) -> set[str]:
    return {name for name in table.dtype.names or () if holds_text(table[name])}


def _read(path: Path, is_text: Callable[[str], bool], is_raw: bool) -> np.ndarray:
    if path.suffix.lower() not in TABLES or not path.is_file():
        found = "no such file" if not path.is_file() else f"it ends in {path.suffix!r}"
        raise UsageError(f"table:{path}: {found}: expected a file that ends in {', '.join(TABLES)}")
    try:
        import pyarrow
    except ModuleNotFoundError:
        raise UsageError("pyarrow, which reads tables, is not installed: pip install pyarrow") from None
    try:
        table = _parquet(path) if path.suffix.lower() == ".parquet" else _csv(path, is_text, is_raw)
    except (pyarrow.ArrowException, OSError) as error:
        cure = _cure_of_marks(_names_line(path)) or "mend it or make it again"
        raise UsageError(f"{path}: not a readable table ({first_line(error)}): {cure}") from None
    return as_array(table, str(path))


def as_array(table: ArrowTable, source: str) -> np.ndarray:
    """A table of pyarrow's as a structured array, [N].

    Raises:
        UsageError: it has no rows, or columns without names of their own.
    """
    try:
        names = [name.strip() for name in table.column_names]
    except UnicodeDecodeError:
        raise UsageError(f"{source} has a column whose name is no UTF-8: expected text; {_CURE}") from None
    if not len(table) or len(set(names)) < len(names) or "" in names or any(map(reads_as_number, names)):
        cure = "; to_csv(index=False) leaves a data frame's index out" if names[:1] == [""] else ""
        raise UsageError(
            f"{source} has {len(table):,} rows and the columns {', '.join(map(repr, names[:6]))}: expected rows, below "
            f"a line with a name of its own for each column{cure}"
        )
    if len(names) == 1 and (cure := _cure_of_marks(names[0])):
        raise UsageError(f"{source} has one column, {names[0]!r}: {cure}")
    columns = [_column(column, f"{source}: column {name!r}") for name, column in zip(names, table.columns, strict=True)]
    rows = np.empty(len(table), [(name, column.dtype) for name, column in zip(names, columns, strict=True)])
    for name, column in zip(names, columns, strict=True):
        rows[name] = column
    return rows


def _names_line(path: Path) -> str:
    """Of a file of text; "" of another, and of one that cannot be read."""
    try:
        with path.open(encoding="utf-8", errors="replace") as file:
            return "" if path.suffix.lower() == ".parquet" else file.readline(_LONGEST)
    except OSError:
        return ""


def _cure_of_marks(names: str) -> str:
    """What to do about names of columns without a comma between them, but another mark; "" where there is none."""
    mark = next((mark for mark in ";|\t" if mark in names and "," not in names), None)
    if mark is None:
        return ""
    or_call = ", or call it NAME.tsv" if mark == "\t" else ""
    return f"expected commas between columns; put them there, and points into numbers{or_call}"


def _parquet(path: Path) -> ArrowTable:
    import pyarrow.parquet as parquet

    with path.open("rb") as file:  # which pyarrow opens only where its name is UTF-8
        about = parquet.read_metadata(file)
        size = 8.0 * about.num_rows * about.num_columns
        check_memory(_COPIES * size, f"{path}, {about.num_rows:,} rows of {about.num_columns:,} columns,")
        return parquet.read_table(file)


def _csv(path: Path, is_text: Callable[[str], bool], is_raw: bool) -> ArrowTable:
    import pyarrow as arrow
    from pyarrow import csv

    compute: Any = importlib.import_module("pyarrow.compute")  # whose functions are made when it is imported
    size = path.stat().st_size
    check_memory(_COPIES * size, f"{path}, {size / 1e9:,.1f} GB of text,")
    parse = csv.ParseOptions(delimiter="\t" if path.suffix.lower() == ".tsv" else ",")

    def read(**options: object) -> ArrowTable:
        convert = csv.ConvertOptions(null_values=_NO_VALUE, strings_can_be_null=not is_raw, **options)
        with path.open("rb") as file:
            return csv.read_csv(file, parse_options=parse, convert_options=convert)

    try:
        with path.open("rb") as file, csv.open_csv(file, parse_options=parse) as first:
            names = first.schema.names
    except UnicodeDecodeError:
        return read()  # whose reader says so
    table = read(column_types={name: arrow.string() for name in names if is_raw or is_text(name.strip())})
    types = dict(zip(names, map(str, table.schema.types), strict=True))
    unsure = [name for name in names if types[name].startswith(_UNSURE)]
    if not unsure or len(types) < len(names):
        return table
    text = read(include_columns=unsure, column_types=dict.fromkeys(unsure, arrow.string()))
    for name in unsure:
        is_code = types[name] == "int64" and compute.any(compute.match_substring_regex(text[name], "^0[0-9]")).as_py()
        if is_code or types[name] != "int64":  # a code, such as 02134; a time or a date
            table = table.set_column(names.index(name), name, text[name])
    return table


def _column(column: Any, what: str) -> np.ndarray:
    """Numbers and truth values as such where none is missing; else floats with nan, and objects with None."""
    import pyarrow as arrow

    type_ = column.type
    if arrow.types.is_decimal(type_):
        column = column.cast(arrow.float64())
    elif not (arrow.types.is_boolean(type_) or arrow.types.is_integer(type_) or arrow.types.is_floating(type_)):
        if arrow.types.is_binary(type_) or arrow.types.is_large_binary(type_):
            raise UsageError(f"{what} has bytes that are no UTF-8: expected text in it; {_CURE}")
        if arrow.types.is_nested(type_):
            raise UsageError(f"{what} is of {type_}: expected a number or text in each row; leave it out of the file")
        is_text = arrow.types.is_string(type_) or arrow.types.is_large_string(type_)
        values = [None if value is None else value if is_text else str(value) for value in column.to_pylist()]
        return np.array([*values, ""], object)[:-1]
    if column.null_count and not arrow.types.is_floating(column.type):
        return np.array([*column.to_pylist(), ""], object)[:-1]
    return np.asarray(column.to_numpy())
