"""The kernels and diagnostics of blackjax, imported when a method first needs them."""

from importlib import import_module
from types import ModuleType

from vaex.errors import UsageError


def blackjax() -> ModuleType:
    """The package, which takes a second to import.

    Raises:
        UsageError: it is not installed.
    """
    try:
        return import_module("blackjax")
    except ModuleNotFoundError:
        raise UsageError(
            "blackjax, which has the kernels of Markov chains and of particles, is not installed: pip install blackjax"
        ) from None
