"""The one shape of inference: a state, and a step that carries it on."""

from collections.abc import Callable
from typing import Any, NamedTuple


class Method(NamedTuple):
    """A pure function that starts a method for one example, and one that carries it on."""

    init: Callable[..., Any]
    step: Callable[..., Any]  # (key, state) -> state, info
