"""The kernels and diagnostics of blackjax, imported when a method first needs them."""

from importlib import import_module
from typing import Any

from vaex.errors import UsageError


def blackjax(module: str) -> Any:
    """A module of blackjax, as "mcmc.hmc".

    Raises:
        UsageError: blackjax is not installed.
    """
    try:
        return import_module(f"blackjax.{module}")
    except ModuleNotFoundError:
        raise UsageError(
            "blackjax, which has the kernels of Markov chains and of particles, is not installed: pip install blackjax"
        ) from None
