"""The exceptions that vaex raises for what its user can mend, and the checks of an option's range."""

import math
import numbers
import os
from collections.abc import Mapping


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

    def __init__(
        self, parameter: str, found: object, expected: str, cure: str = "", *, path: str | None = None
    ) -> None:
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


class InUse(UsageError):
    """Another process works in a folder."""


class LostProcess(UsageError):
    """Of several processes that train together another has ended, or cannot be reached."""


_MOST_WHOLE, _LEAST_REAL, _MOST_REAL = 2**31 - 1, 2.0**-126, (2 - 2.0**-23) * 2.0**127  # that 32 bits hold
_BITS = "32 bits hold numbers from 1.2e-38 to 3.4e38"


def check_whole(least: int = 1, most: int = _MOST_WHOLE, **options: object) -> None:
    """Whole numbers, Python's or numpy's, or tuples of them, in a range of 32 bits; None passes, but not in a tuple.

    Raises:
        OptionError: another value.
    """
    for parameter, found in options.items():
        if not all(is_whole_number(number, least, most) for number in _parts(found)):
            what = "whole numbers" if type(found) is tuple else "a whole number"
            is_large = all(is_whole_number(number, least) for number in _parts(found))
            told = most if is_large or most != _MOST_WHOLE else None
            raise OptionError(parameter, found, f"{what} {_range(least, told)}")


def is_whole_number(value: object, least: int = 1, most: int | None = None) -> bool:
    """Whether a value is one, Python's or numpy's, in a range."""
    match value:
        case bool():
            return False
        case numbers.Integral():
            return least <= int(value) and (most is None or int(value) <= most)
    return False


def check_seed(**options: int) -> None:
    """Seeds of 32 bits, as those of JAX's keys are: beyond them two seeds would make one key.

    Raises:
        OptionError: another value.
    """
    check_whole(0, 2**32 - 1, **options)


def check_finite(least: float | None = None, most: float | None = None, **options: object) -> None:
    """Finite numbers of 32 bits in a range, or arrays of them; None and values that are traced pass.

    Raises:
        OptionError: another value.
    """
    for parameter, value in _known(options):
        is_outside = (least is not None and value < least) or (most is not None and value > most)
        if is_outside or not abs(value) <= _MOST_REAL:
            cure = _BITS if _MOST_REAL < abs(value) < math.inf else ""
            raise OptionError(parameter, value, f"a finite number {_range(least, most)}".strip(), cure)


def check_scalar(least: float | None = None, most: float | None = None, **options: object) -> None:
    """The same of numbers that are one each: an array of several would be stretched over what it weighs.

    Raises:
        OptionError: another value.
        UsageError: an array of numbers.
    """
    for parameter, value in options.items():
        match value:
            case object(shape=(_, *_) as shape):
                cure = "jax.vmap over it and the examples gives each its own"
                raise UsageError(f"{parameter} has shape {shape}: expected one number; {cure}")
    check_finite(least, most, **options)


def check_positive(**options: object) -> None:
    """Finite numbers of 32 bits above 0, or arrays of them; None and values that are traced pass.

    Raises:
        OptionError: another value.
    """
    for parameter, value in _known(options):
        if not _LEAST_REAL <= value <= _MOST_REAL:
            raise OptionError(parameter, value, "a number above 0", _BITS if 0 < value < math.inf else "")


def check_fraction(**options: object) -> None:
    """Numbers of 32 bits above 0 and below 1, or arrays of them; None and values that are traced pass.

    Raises:
        OptionError: another value.
    """
    for parameter, value in _known(options):
        if not _LEAST_REAL <= value < 1 - 2.0**-25:
            cure = "to 32 bits it is 0 or 1" if 0 < value < 1 else ""
            raise OptionError(parameter, value, "a number above 0 and below 1", cure)


def _range(least: float | None, most: float | None) -> str:
    if least is not None and most is not None:
        return f"from {least} to {most}"
    return f"of at least {least}" if least is not None else f"of at most {most}" if most is not None else ""


def _parts(value: object) -> list:
    """Those of a tuple, none of None, or the value alone."""
    match value:
        case tuple():
            return [*value]
        case None:
            return []
    return [value]


def known_numbers(value: object) -> list[float]:
    """What of an option is a number already: none of None, of text, and of an array that jax traces.

    Returns:
        The number itself, or each of a tuple's or of a concrete array's.
    """
    return [number for part in _parts(value) for number in _numbers(part)]


def _numbers(leaf: object) -> list[float]:
    match leaf:
        case str():
            return []
        case int() | float():
            return [leaf]
        case numbers.Real():
            return [float(leaf)]
    import numpy as np
    from jax import Array  # for which the command line does not wait
    from jax.core import Tracer

    is_known = isinstance(leaf, Array | np.ndarray) and not isinstance(leaf, Tracer)
    return np.asarray(leaf, float).ravel().tolist() if is_known else []


def _known(options: Mapping[str, object]) -> list[tuple[str, float]]:
    return [(name, number) for name, value in options.items() for number in known_numbers(value)]
