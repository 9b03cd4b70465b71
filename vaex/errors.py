"""The exceptions that vaex raises for what its user can mend, and the checks of an option's range."""

import math
import os
from typing import Any


class UsageError(ValueError):
    """Something given to vaex is wrong; the message is one line: what was found, what was expected, how to mend it."""


class OptionError(UsageError):
    """An option of a function has a value that it cannot have.

    The section of a config that the option is in puts its path before the name, once: "num_flows is 0" becomes
    "model.posterior.num_flows is 0".

    Args:
        parameter: the option's name.
        found: its value.
        expected: what it may be.
        cure: how to mend it, where that is not plain.
    """

    def __init__(self, parameter: str, found: Any, expected: str, cure: str = "", *, path: str | None = None) -> None:
        self.parameter, self.found, self.expected, self.cure, self.path = parameter, found, expected, cure, path
        name = f"{path}.{parameter}" if path else parameter
        value = f"is {found!r}" if found is not None else "is not set"
        super().__init__(f"{name} {value}: expected {expected}" + (f"; {cure}" if cure else ""))

    def within(self, path: str) -> "OptionError":
        """The same with its path, unless it has one."""
        if self.path is not None:
            return self
        return OptionError(self.parameter, self.found, self.expected, self.cure, path=path)


class WriteError(UsageError):
    """A file cannot be written: no room, no permission, a limit.

    Whoever knows what was going on says what is whole and how to go on: `advised`.

    Args:
        path: the file.
        reason: why, as the system says it.
        cure: what is whole, and how to go on.
    """

    def __init__(self, path: str | os.PathLike, reason: str, cure: str = "make room there, or name another") -> None:
        self.path, self.reason = path, reason
        super().__init__(f"cannot write {path}: {reason}; {cure}")

    def advised(self, cure: str) -> "WriteError":
        """The same with other advice."""
        return WriteError(self.path, self.reason, cure)


def check_whole(least: int = 1, **options: Any) -> None:
    """Whole numbers, or tuples of them however nested, of at least so much; None passes.

    Raises:
        OptionError: another value.
    """
    for parameter, found in options.items():
        for number in _leaves(found):
            if isinstance(number, bool) or not isinstance(number, int) or number < least:
                what = "whole numbers" if isinstance(found, tuple) else "a whole number"
                raise OptionError(parameter, found, f"{what} of at least {least}")


def check_positive(**options: Any) -> None:
    """Finite numbers above 0; None and values that are traced pass.

    Raises:
        OptionError: another value.
    """
    for parameter, found in options.items():
        if isinstance(found, int | float) and not 0 < found < math.inf:
            raise OptionError(parameter, found, "a number above 0")


def check_fraction(**options: Any) -> None:
    """Numbers above 0 and below 1; None passes.

    Raises:
        OptionError: another value.
    """
    for parameter, found in options.items():
        if found is not None and not 0 < found < 1:
            raise OptionError(parameter, found, "a number above 0 and below 1")


def _leaves(value: Any) -> list:
    if isinstance(value, tuple):
        return [leaf for part in value for leaf in _leaves(part)]
    return [] if value is None else [value]
