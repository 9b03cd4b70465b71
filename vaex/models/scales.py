"""Scales that neither vanish nor overflow, whatever a network or an optimizer makes of their logarithms.

Within their range they are what they would be without a bound, to the last digit. Beyond it the slope falls as an
inverse square, from 1 at the edge, so that a gradient can bring back what went too far.
"""

import math

import jax.numpy as jnp
from jaxtyping import Array, Float

from vaex.errors import OptionError, check_finite, check_positive, known_numbers
from vaex.model import Params

# What a likelihood's scale stays above: x is in [0, 1], and grey levels that are spread over their width have a
# standard deviation of 1/(256 sqrt(12)) = 1.1e-3, so that nothing less, of which this is a third, is noise of theirs.
MIN_SIGMA = math.exp(-8.0)  # 3.4e-4
# A log-variance is as it is up to 30: a variance of 1e-13 is below what float32 tells apart around 1, and one of 1e13
# has long lost its prior. None is beyond 40, so that two of them differ by less than the 88 that float32 can exp.
_LOG_VAR_EDGE, _LOG_VAR_ROOM = 30.0, 10.0
_CONCENTRATION_EDGE, _CONCENTRATION_ROOM = 15.0, 5.0


def above(log_scale: Float[Array, "..."], minimum: float) -> Float[Array, "..."]:
    """The logarithm of a scale that stays above a minimum, and is unchanged from twice the minimum on.

    x  where x >= t,  else  t - r u / (1 + u),   u = (t - x) / r,   t = log(2 minimum),   r = log 2

    Args:
        log_scale: x, the logarithm of a scale.
        minimum: of the scale, in the units of the data.
    """
    edge = math.log(2 * minimum)
    return jnp.where(log_scale >= edge, log_scale, edge - _beyond(edge - log_scale, math.log(2)))


def learned_scale(params: Params, min_sigma: float) -> Float[Array, "..."]:
    """Sigma of params["log_sigma"], which training may drive down without end where x is foreseen exactly."""
    return jnp.exp(above(params["log_sigma"], min_sigma))


def check_learned(sigma: object, min_sigma: float) -> None:
    """A learned scale starts where it is unchanged by its bound; one that is traced passes.

    Raises:
        OptionError: it does not.
    """
    check_positive(sigma=sigma, min_sigma=min_sigma)
    for known in known_numbers(sigma):
        if known < 2 * min_sigma:
            least = f"at least {2 * min_sigma:.2g}, twice min_sigma"
            raise OptionError("sigma", known, least, "start higher, or lower it")


def bounded_log_var(log_var: Float[Array, "..."]) -> Float[Array, "..."]:
    """A log-variance within +-40, and unchanged within +-30."""
    return _within(log_var, _LOG_VAR_EDGE, _LOG_VAR_ROOM)


def bounded_log_concentration(log_concentration: Float[Array, "..."]) -> Float[Array, "..."]:
    """The logarithm of a concentration within +-20, and unchanged within +-15.

    At e^15 draws lie within 1e-3 of their direction, and float32 tells those of e^20 from it no more.
    """
    return _within(log_concentration, _CONCENTRATION_EDGE, _CONCENTRATION_ROOM)


def scale_of(log_var: Float[Array, "..."]) -> Float[Array, "..."]:
    """The standard deviation exp(log_var / 2), finite and above 0 with its gradient."""
    return jnp.exp(0.5 * bounded_log_var(log_var))


def _within(number: Float[Array, "..."], edge: float, room: float) -> Float[Array, "..."]:
    size = jnp.abs(number)
    return jnp.where(size <= edge, number, jnp.sign(number) * (edge + _beyond(size - edge, room)))


def _beyond(excess: Float[Array, "..."], room: float) -> Float[Array, "..."]:
    """How far beyond an edge something is put that lies `excess` beyond it: less than `room`."""
    return room - room / (1 + jnp.maximum(excess, 0.0) / room)


def check_degrees(degrees: float) -> None:
    """Degrees of freedom with which Student's t has a mean, as a reconstruction is one.

    Raises:
        OptionError: others.
    """
    check_finite(most=1e30, degrees=degrees)  # of more, y^2 / degrees is 0 in 32 bits
    if not degrees > 1:
        raise OptionError("degrees", degrees, "a number above 1, from where on Student's t has a mean")
