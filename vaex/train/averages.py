"""Averages of the parameters that training moves, which are evaluated in their place."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Int

from vaex.errors import OptionError, check_fraction
from vaex.model import Params

# (average, parameters after a step, their optimizer's state, step) -> the average after it
Average = Callable[[Params, Params, optax.OptState, Int[Array, ""]], Params]


def exponential(decay: float) -> Average:
    """The exponential moving average of the parameters.

    average <- d average + (1 - d) params,   d = min(decay, (1 + t) / (10 + t)) at step t

    so that what training starts from is soon forgotten.

    Args:
        decay: of what it was before, above 0 and below 1.

    Raises:
        OptionError: another decay.

    Source: Polyak and Juditsky 1992; the first steps' decay is tf.train.ExponentialMovingAverage's.
    """
    check_fraction(decay=decay)

    def average(before: Params, params: Params, opt_state: optax.OptState, step: Int[Array, ""]) -> Params:
        now = jnp.minimum(decay, (1 + step) / (10 + step))
        return jax.tree.map(lambda old, new: _moved(old, new, now), before, params)

    return average


def schedule_free(before: Params, params: Params, opt_state: optax.OptState, step: Int[Array, ""]) -> Params:
    """The x of a schedule-free optimizer, which trains at y = (1 - b1) z + b1 x.

    x = (y - (1 - b1) z) / b1

    Source: Defazio et al. 2024, The road less scheduled, equations 4 to 6; optax.contrib.schedule_free_eval_params.
    """
    b1, z = (optax.tree.get(opt_state, name) for name in ("b1", "z"))
    return jax.tree.map(lambda y, z: (y - (1 - b1) * z) / b1, params, z)


AVERAGES: dict[str, Average] = dict.fromkeys(("schedule_free_adamw", "schedule_free_sgd"), schedule_free)


def average_of(optimizer: str, ema: float | None) -> Average | None:
    """The average that is evaluated, None where the parameters themselves are.

    Args:
        optimizer: its name; some are evaluated at an average of their own.
        ema: the decay of an exponential one; None without.

    Raises:
        OptionError: both, or another decay.
    """
    own = AVERAGES.get(optimizer)
    if ema is None:
        return own
    if own is not None:
        raise OptionError("ema", ema, f"none with {optimizer}, which has an average of its own")
    return exponential(ema)


def _moved(old: Array, new: Array, decay: Array) -> Array:
    """Integers and keys are no numbers to average."""
    return old + (1 - decay).astype(old.dtype) * (new - old) if jnp.issubdtype(old.dtype, jnp.floating) else new
