"""Objectives for latents whose draws carry no gradient: the score function with its baselines, and enumeration."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from vaex import bounds
from vaex.bounds import with_value
from vaex.distributions import all_states
from vaex.errors import OptionError, check_whole
from vaex.losses.arithmetic import times
from vaex.model import Example, Model
from vaex.objectives.draws import weigh_frozen_draws
from vaex.objectives.encode import encode
from vaex.objectives.terms import Number, Terms, elbo_terms, log_weights, terms


def reinforce(
    key: PRNGKeyArray,
    model: Model,
    x: Example,
    *,
    num_samples: int = 2,
    baseline: str | Float[Array, ""] = "leave_one_out",
    average: Number = 0.0,
) -> Terms:
    """The ELBO with the score-function gradient of q.

    generator:    1/K sum_k d log p(x, z_k) / d theta
    recognition:  1/K sum_k (log w_k - b_k) d log q(z_k|x) / d phi

    Unbiased for any baseline b_k that does not depend on z_k. Where a weight is zero the bound is -inf and its gradient
    that of the generator alone. The second derivative means nothing, since the signal is frozen.

    Args:
        key: a PRNG key.
        model: a model with any q, discrete or not.
        x: one example.
        num_samples: K.
        baseline: "leave_one_out", the mean of the other draws' log-weights; "moving_average"; or a number.
        average: the number that "moving_average" names: in training that of the bound over the steps before.

    Returns:
        Terms, in nats, with the value of the ELBO with the sampled KL.

    Raises:
        OptionError: num_samples below 1, or below 2 with the leave-one-out baseline; another name for a baseline.

    Source: Mnih and Gregor 2014; leave-one-out as in Mnih and Rezende 2016 and Kool et al. 2019.
    """
    w = weigh_frozen_draws(key, model, x, encode(model, x), num_samples)
    signal = jax.lax.stop_gradient(w.log_w)
    if baseline == "moving_average":
        baseline = jnp.asarray(average)
    if isinstance(baseline, str):
        if baseline != "leave_one_out":
            raise OptionError("baseline", baseline, '"leave_one_out", "moving_average" or a number')
        _check_leave_one_out(num_samples)
        signal = (signal - jnp.mean(signal)) * num_samples / (num_samples - 1)  # log w_k - mean of the others
    else:
        signal = signal - jax.lax.stop_gradient(baseline)
    signal = jnp.where(jnp.isfinite(signal), signal, 0.0)
    surrogate = jnp.mean(w.log_px_z + w.log_pz + signal * w.log_qz)
    return terms(with_value(bounds.elbo(w.log_w), surrogate), w)


def vimco(key: PRNGKeyArray, model: Model, x: Example, *, num_samples: int = 5) -> Terms:
    """The importance-weighted bound with the score-function gradient of q and a baseline for each draw.

    generator:    sum_k v_k d log p(x, z_k) / d theta,   v = softmax(log w)
    recognition:  sum_k (L_K - L_K^(-k) - v_k) d log q(z_k|x) / d phi

    L_K^(-k) is L_K with log w_k replaced by the mean of the others, the log of their geometric mean: of those whose
    weight is not zero; where there are none, draw k has no signal. The second derivative means nothing, since signals
    are frozen.

    Args:
        key: a PRNG key.
        model: a model with any q, discrete or not.
        x: one example.
        num_samples: K, at least 2.

    Returns:
        Terms, in nats, with the value of iwae.

    Raises:
        OptionError: num_samples below 2.

    Source: Mnih and Rezende 2016, VIMCO.
    """
    check_whole(num_samples=num_samples)
    _check_leave_one_out(num_samples)
    w = weigh_frozen_draws(key, model, x, encode(model, x), num_samples)
    log_w = jax.lax.stop_gradient(w.log_w)
    is_zero = log_w == -jnp.inf
    known = jnp.where(is_zero, 0.0, log_w)
    is_one = jnp.where(is_zero, 0.0, 1.0)
    num_others = jnp.sum(is_one) - is_one
    others = jnp.where(num_others > 0, (jnp.sum(known) - known) / jnp.maximum(num_others, 1), -jnp.inf)
    replaced = jnp.where(jnp.eye(num_samples, dtype=bool), others[:, None], log_w[None, :])  # row k: without draw k
    signal = bounds.iwae(log_w) - bounds.iwae(replaced.T)
    signal = jnp.where(jnp.isfinite(signal), signal, 0.0)
    # log w carries both the generator's gradient and -v_k d log q, the part of L_K that depends on phi directly.
    return terms(with_value(bounds.iwae(w.log_w), bounds.iwae(w.log_w) + jnp.sum(signal * w.log_qz)), w)


def enumerate(key: PRNGKeyArray, model: Model, x: Example) -> Terms:
    """The exact ELBO of a discrete latent, by a sum over all its states.

    sum_z q(z|x) (log p(x|z) + log p(z) - log q(z|x))

    Args:
        key: unused, since nothing is drawn.
        model: a model whose q(z|x) enumerates its support.
        x: one example.

    Returns:
        Terms, in nats, exact.

    Raises:
        UsageError: q(z|x) cannot be enumerated, or has more than 10,000 states.

    Source: Kingma et al. 2014, equation 7, where y is summed over.
    """
    q = encode(model, x)
    w = log_weights(model, x, q, all_states(q))
    probabilities = jnp.exp(w.log_qz)
    log_px_z = jnp.sum(times(probabilities, w.log_px_z))
    kl = jnp.sum(times(probabilities, w.log_qz - w.log_pz))
    return elbo_terms(log_px_z, kl)


def _check_leave_one_out(num_samples: int) -> None:
    if num_samples < 2:
        cure = "a leave-one-out baseline needs another draw from q(z|x)"
        raise OptionError("num_samples", num_samples, "a whole number of at least 2", cure)
