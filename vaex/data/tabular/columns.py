"""What the columns of a table are: their types, as they are guessed and as a config says them."""

import re
from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np

from vaex.data.dtypes import is_bool, is_object, is_whole
from vaex.data.tabular.values import (
    class_name,
    class_names,
    class_numbers,
    holds_text,
    is_numeral,
    is_truth,
    missing,
    reads_as_number,
)
from vaex.errors import OptionError, UsageError
from vaex.models.columns import CLASSES, TYPES

SAID = (*TYPES, "label", "ignore")  # types that may be said: two of them are not modelled
_MOST_CLASSES = 200
_FEWEST_NUMBERED = 10  # rows, of which a column may be their numbers
_MOST_COUNT = 2**24  # from here on floats of 32 bits leave out whole numbers
_TINY, _HUGE = float(np.finfo(np.float32).tiny), float(np.finfo(np.float32).max)


class Said(NamedTuple):
    """What a config says of a column: its type, and of ordered classes their order."""

    type: str
    order: tuple[str, ...] = ()


def said_columns(columns: str) -> dict[str, Said]:
    """What data.columns says: "age=positive,size=ordinal:S<M<L", or one type for all columns, under the name "".

    Raises:
        OptionError: a type that there is not.
    """
    said = {}
    for part in filter(None, columns.split(",")):
        name, _, type_ = part.rpartition("=")
        type_, _, order = type_.strip().partition(":")
        if type_ not in SAID or (order and type_ != "ordinal"):
            expected = f"NAME=TYPE,NAME=TYPE, or one type for all, with a type of {', '.join(SAID)}"
            raise OptionError("columns", columns, expected, "the order of classes is NAME=ordinal:LOW<MIDDLE<HIGH")
        if name.strip() in said:
            raise OptionError("columns", columns, "each column once, and one type for all that it does not name")
        said[name.strip()] = Said(type_, tuple(one.strip() for one in order.split("<")) if order else ())
    return said


def names_classes(columns: str) -> Callable[[str], bool]:
    """Of data.columns, name -> whether the values of a column are said to be names of classes."""
    said = said_columns(columns)
    of_rest = said.get("", Said(""))
    return lambda name: said.get(name, of_rest).type in ("label", *CLASSES)


def check_said(said: Mapping[str, Said], names: tuple[str, ...]) -> None:
    """Raise a UsageError where a config says something of a column that there is not."""
    if unknown := [name for name in said if name and name not in names]:
        cure = "say others, or --config.data.columns= for none, also in the place of an experiment's own"
        raise UsageError(f"data.columns names {unknown[0]!r}: the table has {', '.join(names)}; {cure}")


def guessed(values: np.ndarray) -> str:
    """The type of a column of numbers, truth values or text, None or nan where one is missing.

    Truth values, and whole numbers of which none is other than 0 and 1, are binary; other whole numbers from 0 on,
    stored as such and below 2^24, counts; text has classes; what else is a number is real.
    """
    if holds_text(values):
        return "categorical"
    known = values[~missing(values)]
    known = np.array(known.tolist()) if is_object(known) else known  # the type, now that None is gone
    if is_bool(known) or np.isin(known, (0, 1)).all():
        return "binary"
    return "count" if is_whole(known) and known.min() >= 0 and known.max() < _MOST_COUNT else "real"


def check_unsaid(name: str, values: np.ndarray) -> None:
    """Raise a UsageError where a column of which nothing is said numbers the rows, or is text that hides numbers."""
    if is_whole(values) and len(values) >= _FEWEST_NUMBERED and (np.diff(values) == 1).all():
        numbers = f"column {name!r} numbers the rows, from {values[0]}"
        cure = f'--config.data.columns="{name}=ignore", or say that it is more, {name}=real'
        raise UsageError(f"{numbers}: leave it out, {cure}")
    if not holds_text(values):
        return
    known = np.flatnonzero(~missing(values))
    text = [str(one).strip() for one in values[known]]
    cure = f'or say that they are classes, --config.data.columns="{name}=categorical"'
    if sum(map(_is_date, text)) > len(text) / 2:
        raise UsageError(f"column {name!r} has dates, as {text[0]!r}: make numbers of them, days say, {cure}")
    plain = [reads_as_number(one) for one in text]
    written = sum(is_one or _is_written_number(one) for is_one, one in zip(plain, text, strict=True))
    if written > len(text) / 2 and not all(plain):
        first = plain.index(False)
        found = f"{text[first]!r} in row {known[first]} among numbers"
        raise UsageError(f"column {name!r} has {found}: write 1037 or 0.4, leave empty what is missing, {cure}")


def classes_of(name: str, values: np.ndarray, said: Said) -> tuple[str, ...]:
    """The names of the classes of a column, in their order, or in the one that is said.

    Raises:
        UsageError: too many of them, ordered text whose order is not said, or classes that an order leaves out.
    """
    known = values[~missing(values)]
    found = tuple(class_names(known))
    if said.order:
        places = class_numbers(found, said.order)
        if left := [one for one, place in zip(found, places, strict=True) if place is None]:
            raise UsageError(f"column {name!r} has the class {left[0]!r}, which its order in data.columns leaves out")
        return said.order
    if said.type == "ordinal" and not (all(map(is_numeral, found)) or all(map(is_truth, found))):
        raise UsageError(
            f"column {name!r} is ordinal, and its classes are text: say their order, "
            f'--config.data.columns="{name}=ordinal:{"<".join(found[:3])}"'
        )
    if len(found) > min(_MOST_CLASSES, max(len(known) // 2, 2)):
        numbers = f"; they all read as numbers, which {name}=real makes of them" * all(map(reads_as_number, found))
        raise UsageError(
            f"column {name!r} has {len(found):,} classes in {len(known):,} rows: leave it out, "
            f'--config.data.columns="{name}=ignore", or join classes{numbers}'
        )
    return found


def numbered(
    name: str, values: np.ndarray, type_: str, classes: tuple[str, ...], rows: str, *, cure: str = ""
) -> np.ndarray:
    """The values of a column as a row has them, [N] float64, nan where missing.

    Args:
        name: of the column.
        values: [N], of any type.
        type_: of TYPES.
        classes: of a type that has them, every one that is among the values.
        rows: what they are of, for the error.
        cure: of values that the type has not; "" for another type.

    Raises:
        UsageError: values that the type has not; the message names the first.
    """
    gone = missing(values)
    numbers = np.full(len(values), np.nan)
    if type_ in CLASSES:
        numbers[~gone] = np.array(class_numbers(values[~gone].tolist(), classes), np.float64)
        return numbers
    try:
        numbers[~gone] = values[~gone].astype(np.float64)
    except (TypeError, ValueError):
        cure = cure or "mend it, or say it is categorical"
        first = next((one for one in values[~gone].tolist() if not reads_as_number(one)), "")
        raise UsageError(f"column {name!r} is {type_}, and has text in it, as {first!r}: {cure}") from None
    allowed = {
        "real": (_is_finite, "a finite number of 32 bits", "mend it, or leave it empty"),
        "positive": (lambda x: (x >= _TINY) & _is_finite(x), "a number above 0", "say it is real, or mend it"),
        "count": (
            lambda x: (x >= 0) & (x == np.round(x)) & (x < _MOST_COUNT),
            f"a whole number from 0 on, below {_MOST_COUNT:,}",
            "say it is real",
        ),
        "binary": (lambda x: (x == 0) | (x == 1), "0 or 1", "say it is categorical, or count"),
    }
    fits, expected, other = allowed[type_]
    wrong = ~gone & ~fits(np.where(gone, 1.0, numbers))
    if wrong.any():
        first = int(np.argmax(wrong))
        raise UsageError(
            f"column {name!r} is {type_}, and row {first} of the {rows} has {class_name(numbers[first])} there: "
            f"expected {expected}; {cure or other}"
        )
    return numbers


def _is_date(text: str) -> bool:
    return re.fullmatch(r"\d{1,4}([-/.])\d{1,2}\1\d{1,4}([T ].*)?", text) is not None


def _is_written_number(text: str) -> bool:
    """With what a spreadsheet adds: signs of money, a percent sign, separated thousands."""
    return re.fullmatch(r"[-+$€£ ]*\d[\d,.' ]*[%$€£ ]*", text) is not None


def _is_finite(x: np.ndarray) -> np.ndarray:
    return np.abs(x) <= _HUGE  # of nan it is false
