"""What a search may choose from: for each field a range, or its choices."""

import math
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from vaex.config.explain import of_flag
from vaex.config.root import ROOT
from vaex.config.section import Config, field_at
from vaex.config.setup import setup
from vaex.config.sweep import ends_of, member, values_of
from vaex.errors import UsageError

_LOG = 10.0  # a range whose end is so many times its beginning is searched by its logarithm


class Space(NamedTuple):
    """The values of one field."""

    suggest: Callable[[Any, str], object]  # (optuna's trial, the field's path) -> a value


def read_space(config: Config, path: str, text: str) -> Space:
    """What is said of a field: "1e-4:1e-1", "2:65" of whole numbers, the last left out, or choices between commas.

    Args:
        config: what all members have in common.
        path: the field's.
        text: what is said.

    Raises:
        UsageError: an empty range, a range of what is no number, or a choice that the field cannot have.
    """
    if path == "seed":
        raise UsageError("--sweep.seed is no field to search over: sweep the best of a search over seeds afterwards")
    if (ends := ends_of(text)) is None:
        values = values_of(path, text)
        for value in values:
            member(config, {path: value})
        return Space(lambda trial, name: trial.suggest_categorical(name, values))
    field = field_at(ROOT, config, path)
    if field is None:
        raise UsageError(of_flag(config, path).replace("--config.", "--sweep."))
    if field.type not in (int, float):
        raise UsageError(f"--sweep.{path} is {text}, and {path} is no number: name its values between commas")
    low, high = ends
    if not math.isfinite(low) or not math.isfinite(high):
        raise UsageError(f"--sweep.{path} is {text}: expected two finite numbers")
    if low >= high or (field.type is int and int(low) >= int(high)):
        raise UsageError(f"--sweep.{path} is {text}, an empty range: expected the smaller number first")
    first, _, end = text.partition(":")
    for value in (first, str(int(high) - 1) if field.type is int else end):
        setup(member(config, {path: value}).config)  # what the field cannot have is said before anything is made
    is_log = low > 0 and high / low >= _LOG
    if field.type is int:
        return Space(lambda trial, name: trial.suggest_int(name, int(low), int(high) - 1, log=is_log))
    return Space(lambda trial, name: trial.suggest_float(name, low, high, log=is_log))


def said_of(params: Mapping[str, object]) -> dict[str, str]:
    """Values as flags have them, in an order that does not depend on who stored them."""
    return {path: f"{value:.6g}" if type(value) is float else str(value) for path, value in sorted(params.items())}
