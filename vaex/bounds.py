"""Bounds on log p(x) from log-weights log_w[k] = log p(x, z_k) - log q(z_k|x), reduced over axis 0."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import jax
import jax.numpy as jnp

from vaex.errors import OptionError

if TYPE_CHECKING:
    from jaxtyping import Array, Float


def elbo(log_w: Float[Array, "k *batch"]) -> Float[Array, "*batch"]:
    """The evidence lower bound, averaged over K draws.

    ELBO = 1/K sum_k log w_k

    Args:
        log_w: log-weights, [K, ...].

    Returns:
        Nats, [...], to be maximised.

    Source: Kingma and Welling 2013, equation 6.
    """
    return jnp.mean(log_w, axis=0)


def iwae(log_w: Float[Array, "k *batch"]) -> Float[Array, "*batch"]:
    """The importance-weighted bound L_K, which grows to log p(x) with K.

    L_K = log 1/K sum_k w_k

    Args:
        log_w: log-weights, [K, ...].

    Returns:
        Nats, [...], to be maximised.

    Source: Burda, Grosse and Salakhutdinov 2015, equation 8.
    """
    return jax.nn.logsumexp(log_w, axis=0) - jnp.log(log_w.shape[0])


def renyi(log_w: Float[Array, "k *batch"], *, alpha: float) -> Float[Array, "*batch"]:
    """The variational Renyi bound, which is the ELBO at alpha = 1 and the importance-weighted bound at alpha = 0.

    L_alpha = 1/(1 - alpha) log 1/K sum_k w_k^(1 - alpha)

    Args:
        log_w: log-weights, [K, ...].
        alpha: any finite number; 1 - n is the chi upper bound CUBO_n, whose estimate is biased downwards.

    Returns:
        Nats, [...], to be maximised.

    Raises:
        OptionError: alpha is not finite.

    Source: Li and Turner 2016, the VR bound by Monte Carlo.
    """
    if not math.isfinite(alpha):
        raise OptionError("alpha", alpha, "a finite number", "the limit at -infinity is the objective vr_max")
    if alpha == 1:
        return elbo(log_w)
    return iwae((1 - alpha) * log_w) / (1 - alpha)


def with_value(value: Float[Array, "*shape"], surrogate: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    """The value of the one and the gradient of the other: an estimator changes the gradient and not the value."""
    return jax.lax.stop_gradient(value) + (surrogate - jax.lax.stop_gradient(surrogate))
