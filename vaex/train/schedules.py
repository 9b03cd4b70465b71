"""Functions of the step, inside the jit: warm-up, cycles and decay of an objective's options and of a learning rate."""

from typing import Any

import jax.numpy as jnp
import optax

from vaex.choices import Choices
from vaex.errors import OptionError, check_finite, check_positive, check_whole
from vaex.objectives.terms import Number


def linear(*, end: Number, start: float = 0.0, steps: int) -> optax.Schedule:
    """From start to end over so many steps, and end from there on: warm-up, or a growing capacity.

    Args:
        end: the value that is set for the option.
        start: the value before the first step.
        steps: how many it takes.

    Source: Bowman et al. 2016 and Sonderby et al. 2016 for the KL's weight; Burgess et al. 2018 for the capacity.
    """
    check_whole(steps=steps)
    check_finite(start=start, end=end)
    return optax.linear_schedule(start, end, steps)


def cyclical(*, end: Number, start: float = 0.0, steps: int, rising: float = 0.5) -> optax.Schedule:
    """In every `steps` steps, rise from start to end over a fraction of them, then stay.

    Args:
        end: the value that is set for the option.
        start: the value before each rise.
        steps: of a cycle.
        rising: the fraction of a cycle in which it rises.

    Source: Fu et al. 2019, equations 6 and 7.
    """
    check_whole(steps=steps)
    check_finite(start=start, end=end)
    if not 0 < rising <= 1:
        raise OptionError("rising", rising, "a fraction above 0, of at most 1")

    def value(step: Any) -> Any:
        return start + (end - start) * jnp.minimum((step % steps) / (rising * steps), 1.0)

    return value


def exponential(*, end: float, start: float, steps: int) -> optax.Schedule:
    """From start by a constant factor a step, reaching end after so many steps, and end from there on.

    Args:
        end: the value that is set for the option.
        start: the value before the first step.
        steps: how many it takes.

    Source: Jang, Gu and Poole 2017, section 4, for a temperature.
    """
    check_whole(steps=steps)
    check_positive(start=start)
    check_finite(end=end)
    if not end > 0:
        raise OptionError("name", "exponential", f"linear, to an end of {end}, which no constant factor reaches")
    return optax.exponential_decay(start, steps, end / start, end_value=end)


def _of_option(*, option: str) -> None:
    """What a schedule of an objective's option has besides.

    Args:
        option: of the objective; its value there is where the schedule ends.
    """


SCHEDULES = Choices(
    {"linear": linear, "cyclical": cyclical, "exponential": exponential},
    what="schedule",
    context=("end",),
    common=_of_option,
)


def cosine(*, peak: Number, num_steps: int, final: float = 0.0) -> optax.Schedule:
    """Half a cosine from the optimizer's learning rate to a final one, over the whole training.

    Args:
        peak: the optimizer's learning rate.
        num_steps: of the whole training, or of train.schedule_epochs.
        final: where it ends, and stays.
    """
    check_finite(0, final=final)
    return optax.cosine_decay_schedule(peak, num_steps, alpha=final / peak)


def warmup_cosine(*, peak: Number, num_steps: int, warmup_steps: int, final: float = 0.0) -> optax.Schedule:
    """A linear rise from 0 to the optimizer's learning rate, and half a cosine from there to a final one.

    Args:
        peak: the optimizer's learning rate.
        num_steps: of the whole training, or of train.schedule_epochs.
        warmup_steps: of the rise.
        final: where it ends, and stays.
    """
    check_finite(0, final=final)
    check_whole(warmup_steps=warmup_steps)
    if warmup_steps >= num_steps:
        raise OptionError("warmup_steps", warmup_steps, f"fewer than the {num_steps} steps of the training")
    return optax.warmup_cosine_decay_schedule(0.0, peak, warmup_steps, num_steps, final)


RATES = Choices(
    {"cosine": cosine, "warmup_cosine": warmup_cosine}, what="learning-rate schedule", context=("peak", "num_steps")
)
