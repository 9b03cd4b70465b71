"""Bounds on log p(x) from log-weights log_w[k] = log p(x, z_k) - log q(z_k|x), reduced over axis 0."""

from __future__ import annotations

from typing import TYPE_CHECKING

import jax
import jax.numpy as jnp

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
