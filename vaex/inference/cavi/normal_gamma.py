"""Mean field of a normal distribution's mean and precision."""

import math
from typing import NamedTuple

import jax.numpy as jnp
from jax.scipy.special import digamma, gammaln
from jaxtyping import Array, Float, PRNGKeyArray

from vaex.errors import check_positive
from vaex.inference.method import Method


class State(NamedTuple):
    """q(mu) q(tau) = N(mu; mean, 1 / precision) Gamma(tau; shape, rate)."""

    mean: Float[Array, ""]
    precision: Float[Array, ""]
    shape: Float[Array, ""]
    rate: Float[Array, ""]


def normal_gamma(
    x: Float[Array, " n"], *, mean: float = 0.0, strength: float = 1.0, shape: float = 1.0, rate: float = 1.0
) -> Method:
    """Mean field of a mean and a precision, whose exact posterior does not factorize.

    x_n ~ N(mu, 1 / tau),   mu|tau ~ N(mean, 1 / (strength tau)),   tau ~ Gamma(shape, rate)

    q(mu, tau) = q(mu) q(tau)
    q(mu) = N((strength mean + sum_n x_n) / (strength + N), 1 / ((strength + N) E[tau]))
    q(tau) = Gamma(shape + (N + 1) / 2, rate + 1/2 E_mu[sum_n (x_n - mu)^2 + strength (mu - mean)^2])

    Args:
        x: N numbers.
        mean: the prior's.
        strength: lambda_0, how many observations the prior's mean counts as.
        shape: a_0.
        rate: b_0.

    Returns:
        Method(init, step): init(key) needs no key; step(key, State) needs none, and tells the bound on log p(x) after
        it, in nats, which never falls.

    Raises:
        OptionError: a strength, shape or rate that is not above 0.

    Source: Bishop 2006, section 10.1.3, with the N + 1 of its later printings.
    """
    check_positive(strength=strength, shape=shape, rate=rate)
    n, x_mean = x.size, jnp.mean(x)
    spread = jnp.sum((x - x_mean) ** 2)  # what squares are taken of is small, so that no digits cancel
    weight = strength + n
    centre = (strength * mean + n * x_mean) / weight
    least = spread + strength * n / weight * (x_mean - mean) ** 2  # of the sum of squares, at mu = centre
    shape_n = jnp.asarray(shape + (n + 1) / 2)

    def init(key: PRNGKeyArray | None = None) -> State:
        return State(centre, jnp.asarray(weight * shape / rate), jnp.asarray(shape * 1.0), jnp.asarray(rate * 1.0))

    def step(key: PRNGKeyArray | None, state: State) -> tuple[State, Float[Array, ""]]:
        precision = weight * state.shape / state.rate
        state = State(centre, precision, shape_n, rate + 0.5 * (least + weight / precision))
        return state, bound(state)

    def bound(state: State) -> Float[Array, ""]:
        """E_q[log p(x, mu, tau)] + the entropies of q(mu) and of q(tau)."""
        tau, log_tau = state.shape / state.rate, digamma(state.shape) - jnp.log(state.rate)
        squares = least + weight / state.precision
        log_joint = 0.5 * (n + 1) * (log_tau - math.log(2 * math.pi)) + 0.5 * math.log(strength) - 0.5 * tau * squares
        log_joint += shape * math.log(rate) - math.lgamma(shape) + (shape - 1) * log_tau - rate * tau
        of_mu = 0.5 * (1 + math.log(2 * math.pi) - jnp.log(state.precision))
        of_tau = state.shape - jnp.log(state.rate) + gammaln(state.shape) + (1 - state.shape) * digamma(state.shape)
        return log_joint + of_mu + of_tau

    return Method(init, step)
