"""Mean field of a normal distribution's mean and precision."""

import math
from typing import NamedTuple

import jax.numpy as jnp
from jax.scipy.special import digamma, gammaln
from jaxtyping import Array, Float, PRNGKeyArray

from vaex.errors import check_positive
from vaex.inference.method import Method
from vaex.objectives.terms import Number


class NormalGamma(NamedTuple):
    """The model: mu|tau ~ N(mean, 1 / (strength tau)), tau ~ Gamma(shape, rate)."""

    mean: Number = 0.0
    strength: Number = 1.0  # lambda_0, how many observations the mean counts as
    shape: Number = 1.0  # a_0
    rate: Number = 1.0  # b_0


class State(NamedTuple):
    """q(mu) q(tau) = N(mu; mean, 1 / precision) Gamma(tau; shape, rate), and what it is computed from."""

    prior: NormalGamma
    x: Float[Array, " n"]
    mean: Float[Array, ""]
    precision: Float[Array, ""]
    shape: Float[Array, ""]
    rate: Float[Array, ""]


def normal_gamma() -> Method:
    """Mean field of a mean and a precision, whose exact posterior does not factorize.

    x_n ~ N(mu, 1 / tau),   mu|tau ~ N(mean, 1 / (strength tau)),   tau ~ Gamma(shape, rate)

    q(mu, tau) = q(mu) q(tau)
    q(mu) = N((strength mean + sum_n x_n) / (strength + N), 1 / ((strength + N) E[tau]))
    q(tau) = Gamma(shape + (N + 1) / 2, rate + 1/2 E_mu[sum_n (x_n - mu)^2 + strength (mu - mean)^2])

    Returns:
        The method: init(key, NormalGamma(...), x) of numbers x, [N]. It needs no key. A step tells the bound on log
        p(x) after it, in nats, which never falls.

    Raises:
        OptionError: a strength, shape or rate that is not above 0, in init.

    Source: Bishop 2006, section 10.1.3, with the N + 1 of its later printings.
    """

    def init(key: PRNGKeyArray | None, model: NormalGamma, x: Float[Array, " n"]) -> State:
        check_positive(strength=model.strength, shape=model.shape, rate=model.rate)
        prior = NormalGamma(*(jnp.asarray(number, float) for number in model))
        weight, mean, _ = _statistics(prior, x)
        shape, rate = jnp.asarray(prior.shape), jnp.asarray(prior.rate)
        return State(prior, x, mean, weight * shape / rate, shape, rate)

    def step(key: PRNGKeyArray | None, state: State) -> tuple[State, Float[Array, ""]]:
        prior = state.prior
        weight, mean, least = _statistics(prior, state.x)
        precision = weight * state.shape / state.rate
        shape, rate = jnp.asarray(prior.shape + (state.x.size + 1) / 2), prior.rate + 0.5 * (least + weight / precision)
        state = State(prior, state.x, mean, precision, shape, rate)
        return state, _bound(state)

    return Method(init, step)


def _statistics(prior: NormalGamma, x: Float[Array, " n"]) -> tuple[Array, Array, Array]:
    """Strength + N, the mean of q(mu), and the sum of squares at that, which needs no difference of large numbers."""
    weight, x_mean = jnp.asarray(prior.strength + x.size), jnp.mean(x)
    mean = (prior.strength * prior.mean + x.size * x_mean) / weight
    pull = prior.strength * x.size / weight * (x_mean - prior.mean) ** 2
    return weight, mean, jnp.sum((x - x_mean) ** 2) + pull


def _bound(state: State) -> Float[Array, ""]:
    """E_q[log p(x, mu, tau)] + the entropies of q(mu) and of q(tau)."""
    prior, n = state.prior, state.x.size
    weight, _, least = _statistics(prior, state.x)
    tau, log_tau = state.shape / state.rate, digamma(state.shape) - jnp.log(state.rate)
    squares = least + weight / state.precision
    log_joint = 0.5 * (n + 1) * (log_tau - math.log(2 * math.pi)) + 0.5 * jnp.log(prior.strength) - 0.5 * tau * squares
    log_joint += prior.shape * jnp.log(prior.rate) - gammaln(prior.shape)
    log_joint += (prior.shape - 1) * log_tau - prior.rate * tau
    of_mu = 0.5 * (1 + math.log(2 * math.pi) - jnp.log(state.precision))
    of_tau = state.shape - jnp.log(state.rate) + gammaln(state.shape) + (1 - state.shape) * digamma(state.shape)
    return log_joint + of_mu + of_tau
