"""The one shape of an inference that goes on step by step."""

from collections.abc import Callable
from typing import Any, NamedTuple


class Method(NamedTuple):
    """An inference in steps, for one example at a time: pure, to be scanned, with jax.vmap outside for a batch."""

    init: Callable[..., Any]  # (key, model, x) -> state, which is what must be carried on
    step: Callable[..., Any]  # (key, state) -> state, info, which is what is worth knowing of the step
