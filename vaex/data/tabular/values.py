"""The values of a column: numbers, text, which of them are missing, and the names of the classes that they are."""

import collections
import decimal
import numbers
import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from vaex.data.dtypes import check_unmasked, is_characters, is_float, is_number, is_object
from vaex.errors import UsageError

_LISTED = 10  # names in a line
_FALSE, _TRUE = ("0", "false", "False", "FALSE"), ("1", "true", "True", "TRUE")
_TRUTH = {"0": _FALSE, "false": _FALSE, "1": _TRUE, "true": _TRUE}  # a truth value is told in two ways


def as_values(values: object, what: str) -> np.ndarray:
    """What is given as a column, [N]: numbers as they are, text and what may be None as objects.

    Args:
        values: [N]; bytes are text in UTF-8.
        what: it is, for the error.

    Raises:
        UsageError: several values a row, values of a type that no column has, or bytes that are no UTF-8.
    """
    check_unmasked(values, what)
    try:
        array = np.asarray(values)
    except ValueError:  # rows of several lengths
        array = np.asarray(values, object)[:, None]
    if array.ndim != 1:
        raise UsageError(f"{what} has not one value a row: give one value a row, each of several a column of its own")
    if is_characters(array) or is_object(array):
        array = np.asarray(values, object)
        if any(type(value) is bytes for value in array):
            return np.array([*(_decoded(value, what) for value in array), ""], object)[:-1]
        return array
    if not is_number(array):
        raise UsageError(
            f"{what} is of type {array.dtype}: expected numbers or text; make numbers of it, or leave it out"
        )
    return array


def _decoded(value: object, what: str) -> object:
    match value:
        case bytes():
            try:
                return value.decode()
            except UnicodeDecodeError:
                raise UsageError(f"{what} has bytes that are no UTF-8: expected text in it; decode it first") from None
    return value


def holds_text(values: np.ndarray) -> bool:
    """Whether a column holds text; one of objects may hold numbers and None."""
    return is_characters(values) or (is_object(values) and any(map(_is_string, values)))


def _is_string(value: object) -> bool:
    match value:
        case str():
            return True
    return False


def reads_as_number(value: object) -> bool:
    """Whether a value is a number, or text that Python takes for one."""
    try:
        float(value)  # pyright: ignore[reportArgumentType]
    except (TypeError, ValueError):
        return False
    return True


def missing(values: np.ndarray) -> np.ndarray:
    """Where a column has no value: nan, None or empty text."""
    if is_float(values):
        return np.isnan(values)
    if is_object(values) or is_characters(values):
        return np.array([_is_nothing(value) for value in values], bool)
    return np.zeros(len(values), bool)


def _is_nothing(value: Any) -> bool:
    try:
        return value is None or bool(value == "" or value != value)
    except TypeError:  # of pandas.NA, of which nothing is known, not even whether it is itself
        return True


def class_name(value: object) -> str:
    """Text as it is; a number by the digits that tell it from others of its type, a whole one without a point."""
    match value:
        case numbers.Integral() | np.bool_():
            return str(int(value))
        case numbers.Real() if (number := float(value)).is_integer() and abs(number) < 1e16:
            return str(int(number))
    return str(value)


def class_names(values: np.ndarray) -> list[str]:
    """The classes of a column without what is missing: text in the order of the alphabet, numbers in theirs.

    Text that is a number is the class of that number, where some values are numbers, or where all are text of numbers
    that tell it apart: not where it says both 1.1 and 1.10, or begins with a zero, as 02134. But 1 and 1.0 are one,
    and so are truth values that are told in several ways, 0 and 1.
    """
    if not holds_text(values):
        return [class_name(one) for one in np.unique(values)]
    texts = {one for one in values if _is_string(one)}
    told = collections.Counter(map(_whole, texts))
    texts = {whole if (whole := _whole(one)) and told[whole] > 1 else one for one in texts}
    of_numbers = {class_name(one) for one in values if not _is_string(one)}
    names = of_numbers | texts
    if len(names) > len(truths := {_TRUTH.get(one.lower()) for one in names}) and None not in truths:
        return sorted(one[0] for one in truths if one)
    numbers = {as_number(one) for one in names}
    if len(numbers) == len(names) and all(map(_is_plain, texts)):
        return sorted(numbers, key=decimal.Decimal)
    return sorted(numbers if of_numbers else texts)


def _whole(text: str) -> str | None:
    """The digits of a whole number, all of them; None of other text, and of a code as 02134 is."""
    found = re.fullmatch(r"\s*(-?)[+]?(0|[1-9][0-9]*)(\.0*)?\s*", text)
    return (found[1] if found[2] != "0" else "") + found[2] if found else None


def _is_plain(text: str) -> bool:
    """Whether text is a finite number, and no code as 02134 is."""
    return reads_as_number(text) and np.isfinite(float(text)) and not re.match(r"\s*[-+]?0[0-9]", text)


def class_number(value: object, number: Mapping[str, int]) -> int | None:
    """The number of the class that a value is, by those of the classes' names; None where it is none of them."""
    name = class_name(value)
    of_truth = _TRUTH.get(name.lower(), ()) if all(map(is_truth, number)) else ()
    names = (name, as_number(name), *of_truth)
    if (found := next((number[one] for one in names if one in number), None)) is not None:
        return found
    alike = [i for one, i in number.items() if as_number(one) == names[1]]  # text of this number
    return alike[0] if len(alike) == 1 else None


def class_numbers(values: Sequence[object], classes: Sequence[str]) -> list[int | None]:
    """The number of the class that each value is; values that are alike are looked up once."""
    number = {name: i for i, name in enumerate(classes)}
    each = {value: class_number(value, number) for value in set(values)}
    return [each[value] for value in values]


def is_numeral(name: str) -> bool:
    """Whether the name of a class is what a finite number is called, of no more digits than one has."""
    return _is_plain(name) and class_name(float(name)) == name


def is_truth(name: str) -> bool:
    """Whether the name of a class is a truth value."""
    return name.lower() in _TRUTH


def as_number(name: str) -> str:
    """The name of the number that a text is, of a whole one with all of its digits; of other text the text."""
    try:
        return _whole(name) or class_name(float(name))
    except (ValueError, OverflowError):
        return name


def listed(names: Sequence[str]) -> str:
    """Names in a line: all of a few, the ends of many."""
    return ", ".join(names) if len(names) <= _LISTED else f"{', '.join(names[:3])}, ..., {names[-1]}"
