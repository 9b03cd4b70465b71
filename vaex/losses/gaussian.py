"""Gaussian variables: a draw, closed-form KLs and the negative log-likelihood."""

from __future__ import annotations

from typing import TYPE_CHECKING

import jax
import jax.numpy as jnp

from vaex.losses.alignment import check_aligned, check_broadcasts
from vaex.losses.arithmetic import at_least_float32, sum_event

if TYPE_CHECKING:
    import numpy as np
    from jaxtyping import Array, Float, PRNGKeyArray

    Floats = Float[Array | np.ndarray, "..."]  # what is given
    Values = Float[Array, "..."]  # what comes of it

_LOG_2PI = 1.8378770664093453


def reparameterize(key: PRNGKeyArray, mean: Floats, log_var: Floats | float) -> Values:
    """A draw z ~ N(mean, exp(log_var)) through which gradients flow.

    z = mean + exp(log_var / 2) * eps,   eps ~ N(0, I)

    Args:
        key: a PRNG key.
        mean: means, [..., d].
        log_var: logarithms of the variances, [..., d], or one for all.

    Returns:
        One draw for each element, [..., d], in the mean's precision, float32 of whole numbers.

    Raises:
        UsageError: shapes that do not match.

    Source: Kingma and Welling 2013, equation 4 and section 2.4.
    """
    shape = check_aligned(0, mean=jnp.shape(mean), log_var=jnp.shape(log_var))
    mean, log_var = jnp.asarray(mean), jnp.asarray(log_var)
    dtype = mean.dtype if jnp.issubdtype(mean.dtype, jnp.floating) else jnp.float32
    return (mean + jnp.exp(0.5 * log_var) * jax.random.normal(key, shape, dtype)).astype(dtype)


def kl_standard_normal(mean: Floats, log_var: Floats | float, *, event_ndims: int = 1) -> Values:
    """KL(N(mean, exp(log_var)) || N(0, I)).

    KL = 1/2 sum_j (exp(log_var_j) - 1 - log_var_j + mean_j^2)

    Args:
        mean: means of q, [..., d].
        log_var: logarithms of the variances of q, [..., d], or one for all.
        event_ndims: how many trailing axes make one example, 1 for [d].

    Returns:
        Nats, [...]. Shapes that do not match raise a UsageError.

    Source: Kingma and Welling 2013, appendix B.
    """
    check_aligned(event_ndims, mean=jnp.shape(mean), log_var=jnp.shape(log_var) or jnp.shape(mean))
    mean, log_var = at_least_float32(mean), at_least_float32(log_var)
    return 0.5 * sum_event(jnp.expm1(log_var) - log_var + jnp.square(mean), event_ndims)


def kl_normal(
    mean_q: Floats,
    log_var_q: Floats | float,
    mean_p: Floats | float,
    log_var_p: Floats | float,
    *,
    event_ndims: int = 1,
) -> Values:
    """KL(N(mean_q, exp(log_var_q)) || N(mean_p, exp(log_var_p))), both with diagonal covariance.

    KL = 1/2 sum_j (r_j - 1 - log r_j + (mean_q - mean_p)_j^2 / exp(log_var_p)_j),   r = exp(log_var_q - log_var_p)

    A value beyond the largest float is inf: in float32 when log_var_q - log_var_p exceeds 88, say. It is never nan for
    log-variances in [-170, 170].

    Args:
        mean_q: means of q, [..., d].
        log_var_q: logarithms of the variances of q, [..., d], or one for all.
        mean_p: means of p, [..., d], or one for all.
        log_var_p: logarithms of the variances of p, [..., d], or one for all.
        event_ndims: how many trailing axes make one example, 1 for [d].

    Returns:
        Nats, [...]. Shapes that do not match raise a UsageError.

    Source: the Gaussian case of Kingma and Welling 2013, appendix B, for a general p.
    """
    arrays = {"mean_q": mean_q, "log_var_q": log_var_q, "mean_p": mean_p, "log_var_p": log_var_p}
    check_aligned(event_ndims, **{name: jnp.shape(a) or jnp.shape(mean_q) for name, a in arrays.items()})
    mean_q, log_var_q, mean_p, log_var_p = map(at_least_float32, arrays.values())
    log_ratio = log_var_q - log_var_p
    mahalanobis = jnp.square((mean_q - mean_p) * jnp.exp(-0.5 * log_var_p))
    return 0.5 * sum_event(jnp.expm1(log_ratio) - log_ratio + mahalanobis, event_ndims)


def gaussian_nll(mean: Floats, x: Floats, *, log_var: Floats | float, event_ndims: int = 1) -> Values:
    """-log N(x; mean, exp(log_var)), constants included.

    nll = 1/2 sum_j (log(2 pi) + log_var_j + (x_j - mean_j)^2 / exp(log_var_j))

    Args:
        mean: means, [..., d].
        x: data, [..., d].
        log_var: logarithm of the variance: a scalar, or anything that broadcasts to [..., d].
        event_ndims: how many trailing axes make one example: 1 for [d], 3 for images [H, W, C].

    Returns:
        Nats, [...]. Shapes that do not match raise a UsageError.

    Source: Kingma and Welling 2013, appendix C.2.
    """
    shape = check_aligned(event_ndims, mean=jnp.shape(mean), x=jnp.shape(x))
    check_broadcasts(shape, log_var=jnp.shape(log_var))
    mean, x, log_var = at_least_float32(mean), at_least_float32(x), at_least_float32(log_var)
    return 0.5 * sum_event(_LOG_2PI + log_var + jnp.square((x - mean) * jnp.exp(-0.5 * log_var)), event_ndims)
