"""Importance-weighted bounds of groups of draws, and combinations of bounds."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from vaex import bounds
from vaex.bounds import with_value
from vaex.errors import check_scalar, check_whole
from vaex.losses.arithmetic import times
from vaex.model import Example, Model
from vaex.objectives.draws import draw, frozen, weigh_draws
from vaex.objectives.encode import encode
from vaex.objectives.terms import Number, Terms, log_weights, terms


def miwae(key: PRNGKeyArray, model: Model, x: Example, *, num_samples: int = 8, num_groups: int = 8) -> Terms:
    """The mean of M importance-weighted bounds of K draws each.

    1/M sum_m log 1/K sum_k w_mk

    Args:
        key: a PRNG key.
        model: a model.
        x: one example.
        num_samples: K.
        num_groups: M.

    Returns:
        Terms, in nats. One group is iwae; one sample is the ELBO.

    Raises:
        OptionError: num_samples or num_groups below 1.
        UsageError: a q whose draws carry no gradient.

    Source: Rainforth et al. 2018, MIWAE.
    """
    check_whole(num_samples=num_samples, num_groups=num_groups)
    q = encode(model, x)
    w = weigh_draws(key, model, x, q, num_samples * num_groups)
    return terms(_grouped(w.log_w, num_groups), w)


def piwae(key: PRNGKeyArray, model: Model, x: Example, *, num_samples: int = 8, num_groups: int = 8) -> Terms:
    """The generator climbs the IWAE of all MK draws, the recognition model the MIWAE of M groups of K.

    theta: d/d theta log 1/(MK) sum_mk w_mk;   phi: d/d phi 1/M sum_m log 1/K sum_k w_mk

    The second derivative means nothing, since each has the other's parameters frozen.

    Args:
        key: a PRNG key.
        model: a model.
        x: one example.
        num_samples: K.
        num_groups: M.

    Returns:
        Terms, in nats, with the value of the IWAE of MK draws.

    Raises:
        OptionError: num_samples or num_groups below 1.
        UsageError: a q whose draws carry no gradient.

    Source: Rainforth et al. 2018, PIWAE.
    """
    check_whole(num_samples=num_samples, num_groups=num_groups)
    q = encode(model, x)
    z = draw(key, q, num_samples * num_groups)
    w = log_weights(model, x, q, z)
    # At frozen draws and a frozen q only the generator moves: take MIWAE's gradient from it, and give it IWAE's.
    generator = log_weights(model, x, frozen(q), jax.lax.stop_gradient(z)).log_w
    recognition = _grouped(w.log_w, num_groups) - _grouped(generator, num_groups)
    return terms(with_value(bounds.iwae(w.log_w), recognition + bounds.iwae(generator)), w)


def ciwae(key: PRNGKeyArray, model: Model, x: Example, *, num_samples: int = 64, beta: Number = 0.05) -> Terms:
    """A convex combination of the ELBO and the importance-weighted bound.

    beta / K sum_k log w_k + (1 - beta) log 1/K sum_k w_k

    Args:
        key: a PRNG key.
        model: a model.
        x: one example.
        num_samples: K.
        beta: 0 is iwae, 1 is the ELBO.

    Returns:
        Terms, in nats.

    Raises:
        OptionError: num_samples below 1, or beta outside [0, 1].
        UsageError: a q whose draws carry no gradient.

    Source: Rainforth et al. 2018, CIWAE.
    """
    check_scalar(0, 1, beta=beta)
    q = encode(model, x)
    w = weigh_draws(key, model, x, q, num_samples)
    return terms(times(beta, bounds.elbo(w.log_w)) + times(1 - beta, bounds.iwae(w.log_w)), w)


def _grouped(log_w: Float[Array, " mk"], num_groups: int) -> Float[Array, ""]:
    return jnp.mean(bounds.iwae(log_w.reshape(num_groups, -1).T))
