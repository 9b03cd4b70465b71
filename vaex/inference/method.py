"""The one shape of an inference that goes on step by step."""

from collections.abc import Callable
from typing import Any, NamedTuple

State = Any  # what an inference carries on: a pytree of arrays, blackjax's among them
StepInfo = Any  # what is worth knowing of a step, likewise


class Method(NamedTuple):
    """An inference in steps, for one example at a time: pure, to be scanned, with jax.vmap outside for a batch.

    A state knows its model: one whose model was bound within a jit cannot leave that jit.
    """

    init: Callable[..., State]  # (key, model, x) -> state
    step: Callable[..., tuple[State, StepInfo]]  # (key, state) -> state, info
