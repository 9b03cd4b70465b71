"""JSON that lies in a file: read whole, or refused in one line that names the file."""

import json
from collections.abc import Mapping
from pathlib import Path

from vaex.errors import UsageError
from vaex.files import Fields, Json

_WORDS = {str: "text", int: "a whole number", float: "a number", list: "a list", dict: "an object with fields"}
_WORDS |= {bool: "true or false"}


def read_text(path: Path) -> str:
    """What a text file says.

    Raises:
        UsageError: it cannot be read, or is not in UTF-8.
    """
    try:
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise UsageError(
            f"cannot read {path}: {error.strerror or error}; mend its permissions or copy it again"
        ) from None
    except UnicodeDecodeError as error:
        raise UsageError(f"{path}: expected text in UTF-8, found byte {error.start} of another encoding") from None


def parse(text: str, where: str, *, has_nan: bool = False) -> Json:
    """The value that JSON says, with Infinity as Python writes it.

    Args:
        text: JSON.
        where: its place, for messages.
        has_nan: whether NaN is a number there, as it is in measurements.

    Raises:
        UsageError: it is not JSON.
    """
    try:
        return json.loads(text, parse_constant=float if has_nan else _number)
    except (ValueError, RecursionError) as error:
        found = "nothing" if not text.strip() else str(error).splitlines()[0]
        raise UsageError(f"{where}: expected JSON, found {found}: copy it again from where it is whole") from None


def read_json(path: Path) -> Json:
    """The value in a JSON file.

    Raises:
        UsageError: it cannot be read, or is not JSON.
    """
    return parse(read_text(path), str(path))


def read_object(path: Path, fields: Mapping[str, type]) -> Fields:
    """The object in a JSON file.

    Args:
        path: the file.
        fields: those that it has to have, and their types; it may have more.

    Raises:
        UsageError: it cannot be read, is no object, or lacks a field or has another type there.
    """
    return check_fields(read_json(path), fields, str(path))


def check_fields(value: Json, fields: Mapping[str, type], where: str) -> Fields:
    """The value, an object that has these fields.

    Raises:
        UsageError: it is no object, or lacks a field or has another type there.
    """
    check_type(value, dict, where)
    for name, type_ in fields.items():
        if name not in value:
            raise UsageError(f"{where}: has no field {name!r}, expected {_WORDS[type_]} there")
        check_type(value[name], type_, f"{where}: {name}")
    return value


def check_type(value: Json, expected: type, what: str) -> Json:
    """The value, which is of a type; a whole number is a number.

    Raises:
        UsageError: it is of another.
    """
    is_right = type(value) is expected or (expected is float and type(value) is int)  # of what JSON has, no bool
    if not is_right or (type(value) is int and abs(value) >= 2**63):
        raise UsageError(f"{what} is {shown(value)}: expected {_WORDS[expected]}")
    return value


def shown(value: object) -> str:
    """A value, not too long for a line."""
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _number(name: str) -> float:
    if name == "NaN":
        raise ValueError("NaN, which is no number")
    return float(name)
