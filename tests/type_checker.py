"""Beartype as pyright understands types: an int is a float, too."""

from collections.abc import Callable

from beartype import BeartypeConf, beartype

_check = beartype(conf=BeartypeConf(is_pep484_tower=True))
_CHECKS: dict[tuple, Callable] = {}


def checked(signature: Callable) -> Callable:
    """An empty function of jaxtyping's, with checks; the same for a function defined anew at each call around it."""
    code = signature.__code__
    names = code.co_varnames, code.co_posonlyargcount, code.co_argcount, code.co_flags
    key = (signature.__module__, signature.__qualname__, names, *signature.__annotations__.items())
    try:
        known = key in _CHECKS
    except TypeError:  # an annotation without a hash
        return _check(signature)
    if not known:
        _CHECKS[key] = _check(signature)
    return _CHECKS[key]
