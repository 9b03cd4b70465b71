"""Bounds on log p(x) from log-weights log_w[k] = log p(x, z_k) - log q(z_k|x), reduced over axis 0.

Sums are taken, and returned, in float32 at least; float64 stays float64. A weight of zero is log_w = -inf; where all K
of an example are zero its bound is -inf and has no gradient, 0, but for `elbo`, a mean of whatever it is given. Without
an axis of K draws there is a UsageError.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import jax
import jax.numpy as jnp

from vaex.errors import OptionError, UsageError, known_numbers
from vaex.losses.arithmetic import at_least_float32, logsumexp

if TYPE_CHECKING:
    import numpy as np
    from jaxtyping import Array, Float

_MOST_POWER = 1e30  # from which on a bound is the largest or the smallest log-weight, to all digits of float32


def elbo(log_w: Float[Array | np.ndarray, "k *batch"]) -> Float[Array, "*batch"]:
    """The evidence lower bound, averaged over K draws.

    ELBO = 1/K sum_k log w_k

    Args:
        log_w: log-weights, [K, ...].

    Returns:
        Nats, [...], to be maximised; -inf where any weight is zero.

    Source: Kingma and Welling 2013, equation 6.
    """
    return jnp.mean(_draws(log_w), axis=0)


def iwae(log_w: Float[Array | np.ndarray, "k *batch"]) -> Float[Array, "*batch"]:
    """The importance-weighted bound L_K, which grows to log p(x) with K.

    L_K = log 1/K sum_k w_k

    Args:
        log_w: log-weights, [K, ...].

    Returns:
        Nats, [...], to be maximised.

    Source: Burda, Grosse and Salakhutdinov 2015, equation 8.
    """
    log_w = _draws(log_w)
    return logsumexp(log_w) - jnp.log(log_w.shape[0])


def renyi(log_w: Float[Array | np.ndarray, "k *batch"], *, alpha: float) -> Float[Array, "*batch"]:
    """The variational Renyi bound, which is the ELBO at alpha = 1 and the importance-weighted bound at alpha = 0.

    L_alpha = 1/(1 - alpha) log 1/K sum_k w_k^(1 - alpha)

    Near alpha = 1 it is taken from the mean m of log w, as m + 1/(1 - alpha) log(1 + 1/K sum_k (v_k - 1)) with v_k =
    exp((1 - alpha) (log w_k - m)), so that its distance from the ELBO keeps its digits, and so does its gradient.

    Args:
        log_w: log-weights, [K, ...].
        alpha: any finite number; 1 - n is the chi upper bound CUBO_n, whose estimate is biased downwards.

    Returns:
        Nats, [...], to be maximised; above alpha = 1 it is -inf where any weight is zero.

    Raises:
        OptionError: alpha is no finite number, or is traced.

    Source: Li and Turner 2016, the VR bound by Monte Carlo.
    """
    known = known_numbers(alpha)
    if len(known) != 1 or not math.isfinite(known[0]):
        expected = "a finite number" + ("" if known else ", known while this is traced")
        raise OptionError("alpha", alpha, expected, "the limit at -infinity is the objective vr_max")
    if alpha == 1:
        return elbo(log_w)
    log_w, power = _draws(log_w), max(-_MOST_POWER, min(_MOST_POWER, 1 - known[0]))
    largest = jnp.max(log_w, axis=0) if power > 0 else jnp.min(log_w, axis=0)  # of w^(1 - alpha)
    endless = jnp.isinf(largest)  # and the bound with it
    log_w = jnp.where(endless, 0.0, log_w)
    mean = jnp.mean(log_w, axis=0)
    is_near = jnp.max(jnp.abs(power * (log_w - mean)), axis=0) < 1
    # The bound does not depend on what log_w is measured from, and so its gradient need not go through it.
    origin = jax.lax.stop_gradient(jnp.where(is_near | endless, mean, largest))
    exponent = power * (log_w - origin)
    near = jnp.log1p(jnp.mean(jnp.expm1(jnp.where(is_near, exponent, 0.0)), axis=0))
    far = iwae(jnp.where(is_near, 0.0, exponent))
    return jnp.where(endless, jax.lax.stop_gradient(largest), origin + jnp.where(is_near, near, far) / power)


def _draws(log_w: Float[Array | np.ndarray, "k *batch"]) -> Float[Array, "k *batch"]:
    found = at_least_float32(log_w)
    if not found.ndim or not len(found):
        raise UsageError(f"log_w has shape {found.shape}: expected [K, ...], of K draws, at least one")
    return found


@jax.custom_jvp
def with_value(value: Float[Array, "*shape"], surrogate: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    """The value of the one and the gradient of the other: an estimator changes the gradient and not the value.

    The value stands even where the surrogate is not finite. The second derivative is the surrogate's, which means
    nothing where that has frozen parameters.
    """
    return value


@with_value.defjvp
def _with_value_jvp(primals, tangents):
    return primals[0], tangents[1].astype(primals[0].dtype)
