"""Functions of the step, inside the jit: warm-up, cycles and decay of an objective's options."""

from typing import Any

import jax.numpy as jnp
import optax

from vaex.errors import UsageError


def linear(start: float, end: float, steps: int) -> optax.Schedule:
    """From start to end over so many steps, and end from there on: warm-up, or a growing capacity.

    Source: Bowman et al. 2016 and Sonderby et al. 2016 for the KL's weight; Burgess et al. 2018 for the capacity.
    """
    return optax.linear_schedule(start, end, steps)


def cyclical(start: float, end: float, steps: int, *, rising: float = 0.5) -> optax.Schedule:
    """In every `steps` steps, rise from start to end over the fraction `rising` of them, then stay.

    Source: Fu et al. 2019, equations 6 and 7.
    """

    def value(step: Any) -> Any:
        return start + (end - start) * jnp.minimum((step % steps) / (rising * steps), 1.0)

    return value


def exponential(start: float, end: float, steps: int) -> optax.Schedule:
    """From start by a constant factor a step, reaching end after so many steps, and end from there on.

    Source: Jang, Gu and Poole 2017, section 4, for a temperature.
    """
    if not (start > 0 and end > 0):
        raise UsageError(f"an exponential schedule from {start} to {end}: expected both above 0; use a linear one")
    return optax.exponential_decay(start, steps, end / start, end_value=end)
