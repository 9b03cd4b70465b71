"""The members of a sweep: every combination of the values that --sweep.FIELD=VALUES names."""

import itertools
import json
import math
import re
import zlib
from collections.abc import Callable, Mapping
from typing import NamedTuple

from vaex.config.override import override
from vaex.config.root import ROOT
from vaex.config.section import Config, call
from vaex.errors import UsageError
from vaex.files import Fields

_PREFIX = "--sweep."


class Member(NamedTuple):
    """One run of a sweep."""

    said: Mapping[str, str]  # the value of each swept field, as a flag has it
    config: Config

    @property
    def name(self) -> str:
        """Of its folder."""
        text = "_".join(f"{path.rpartition('.')[2]}={value}" for path, value in self.said.items())
        plain = re.sub(r"[^A-Za-z0-9._=,+-]", "-", text)[:100]
        return plain if plain == text else f"{plain}_{zlib.crc32(text.encode()):08x}"

    @property
    def seed(self) -> int:
        """Of all that is random in it."""
        return self.config.seed


def split_flags(flags: list[str]) -> tuple[dict[str, str], list[str]]:
    """The fields of a sweep with what is said of their values, and all other flags.

    Raises:
        UsageError: a field without values, one that is swept twice, or set besides.
    """
    swept: dict[str, str] = {}
    others = [flag for flag in flags if not flag.startswith(_PREFIX)]
    for flag in flags:
        if flag.startswith(_PREFIX):
            path, equals, text = flag.removeprefix(_PREFIX).partition("=")
            if not equals or not text:
                raise UsageError(f"{flag} names no values: expected --sweep.FIELD=VALUE,VALUE or --sweep.FIELD=0:8")
            if path in swept or any(other.partition("=")[0] == f"--config.{path}" for other in others):
                raise UsageError(f"--sweep.{path} is of a field that another flag sets: name it once")
            swept[path] = text
    return swept, others


def values_of(path: str, text: str) -> list[str]:
    """The values that are said of a field: between commas outside of brackets, or all of a range of whole numbers.

    Raises:
        UsageError: an empty range, no value between two commas, or one twice.
    """
    if found := re.fullmatch(r"(-?\d+):(-?\d+)", text):
        first, end = map(int, found.groups())
        if first >= end:
            raise UsageError(f"--sweep.{path} is {text}, an empty range: expected the first and one beyond the last")
        return [str(value) for value in range(first, end)]
    depth, values = 0, [""]
    for letter in text:
        depth += (letter in "([") - (letter in ")]")
        if letter == "," and not depth:
            values.append("")
        else:
            values[-1] += letter
    values = [value.strip() for value in values]
    if "" in values or len(set(values)) < len(values):
        what = "has no value between two commas" if "" in values else "names a value twice"
        raise UsageError(f"--sweep.{path} is {text}, which {what}: expected different values, such as 1e-3,3e-3")
    if (ends := ends_of(text)) and all(map(math.isfinite, ends)):
        cure = "--search=N tries N of it; or name values, such as 1e-3,3e-3"
        raise UsageError(f"--sweep.{path} is {text}, a range of numbers that are not whole: {cure}")
    return values


def ends_of(text: str) -> tuple[float, float] | None:
    """The two numbers of a range, as of 1e-4:1e-1; None of other text."""
    first, _, end = text.partition(":")
    try:
        return float(first), float(end)
    except ValueError:
        return None


def describe_sweep(config: Config, swept: Mapping[str, str], name: str) -> Fields:
    """What makes a sweep the one that it is, as JSON has it.

    Args:
        config: what all members have in common.
        swept: by each field what is said of its values.
        name: of the experiment.
    """
    return {"experiment": name, "swept": dict(swept), "config": config.to_dict()}


def members(config: Config, swept: Mapping[str, str], *, log: Callable[[str], None] = print) -> list[Member]:
    """Every combination.

    Args:
        config: what all have in common.
        swept: by each field what is said of its values.
        log: told what a swap of sections drops.

    Raises:
        UsageError: an unknown field, or a value that it cannot have.
    """
    told: set[str] = set()
    once = lambda line: None if line in told else (told.add(line), log(line))
    each = [[(path, value) for value in values_of(path, text)] for path, text in swept.items()]
    found = [member(config, dict(chosen), log=once) for chosen in itertools.product(*each)]
    made: dict[str, Member] = {}
    for one in found:
        if other := made.get(same := json.dumps(one.config.to_dict(), sort_keys=True)):
            both = " and ".join(str(dict(each.said)) for each in (other, one))
            raise UsageError(f"--sweep names one run twice, by {both}: expected different values")
        made[same] = one
    return found


def member(config: Config, said: Mapping[str, str], *, log: Callable[[str], object] = print) -> Member:
    """The run with these values."""
    try:
        made = override(config, [f"--config.{path}={value}" for path, value in said.items()], log=log)
        call(ROOT, made)
        return Member(said, made)
    except UsageError as error:
        raise UsageError(str(error).replace("--config.", _PREFIX)) from None
