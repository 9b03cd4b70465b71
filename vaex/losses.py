"""Closed forms on plain arrays: one value per example in nats, summed over the example's own axes, never averaged.

The last `event_ndims` axes make one example: 1 unless said, 3 for images [..., H, W, C]. Arguments are aligned at their
last axes, which must be equal: no axis of one is stretched over the examples of another. Leading axes may be absent
altogether, so that one x of [d] meets the outputs [K, d] of K draws, and a batch [n, d] those of [K, n, d].

Sums are taken, and returned, in float32 at least; float64 stays float64.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import jax
import jax.numpy as jnp

from vaex.arithmetic import at_least_float32, binary_cross_entropy, times
from vaex.errors import UsageError, check_aligned, check_broadcasts

if TYPE_CHECKING:
    from jaxtyping import Array, Float, Num, PRNGKeyArray

    Values = Float[Array, "..."]

_LOG_2PI = 1.8378770664093453


def reparameterize(key: PRNGKeyArray, mean: Values, log_var: Values | float) -> Values:
    """A draw z ~ N(mean, exp(log_var)) through which gradients flow.

    z = mean + exp(log_var / 2) * eps,   eps ~ N(0, I)

    Args:
        key: a PRNG key.
        mean: means, [..., d].
        log_var: logarithms of the variances, [..., d], or one for all.

    Returns:
        One draw for each element, [..., d], in the mean's precision.

    Raises:
        UsageError: shapes that do not match.

    Source: Kingma and Welling 2013, equation 4 and section 2.4.
    """
    shape = check_aligned(0, mean=jnp.shape(mean), log_var=jnp.shape(log_var))
    return mean + jnp.exp(0.5 * log_var) * jax.random.normal(key, shape, mean.dtype)


def kl_standard_normal(mean: Values, log_var: Values | float, *, event_ndims: int = 1) -> Values:
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
    return 0.5 * _sum(jnp.expm1(log_var) - log_var + jnp.square(mean), event_ndims)


def kl_normal(
    mean_q: Values,
    log_var_q: Values | float,
    mean_p: Values | float,
    log_var_p: Values | float,
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
    return 0.5 * _sum(jnp.expm1(log_ratio) - log_ratio + mahalanobis, event_ndims)


def bernoulli_nll(logits: Values, x: Num[Array, "..."], *, event_ndims: int = 1) -> Values:
    """-log p(x) for independent Bernoulli variables.

    nll = sum_j (softplus(logits_j) - x_j * logits_j)

    Args:
        logits: log-odds of a one, [..., d]; infinite ones are right for zeros and ones.
        x: zeros and ones, [..., d]. Values in between give a cross-entropy, which is not a likelihood.
        event_ndims: how many trailing axes make one example: 1 for [d], 3 for images [H, W, C].

    Returns:
        Nats, [...]. Shapes that do not match raise a UsageError.

    Source: Kingma and Welling 2013, appendix C.1.
    """
    check_aligned(event_ndims, logits=jnp.shape(logits), x=jnp.shape(x))
    logits = at_least_float32(logits)
    flat = [a.reshape(*a.shape[: a.ndim - event_ndims], -1) for a in (logits, jnp.asarray(x, logits.dtype))]
    return binary_cross_entropy(*flat)


def gaussian_nll(mean: Values, x: Values, *, log_var: Values | float, event_ndims: int = 1) -> Values:
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
    return 0.5 * _sum(_LOG_2PI + log_var + jnp.square((x - mean) * jnp.exp(-0.5 * log_var)), event_ndims)


def categorical_nll(logits: Values, labels: Num[Array, "..."], *, event_ndims: int = 0) -> Values:
    """-log softmax(logits)[label].

    nll = logsumexp(logits) - logits[label]

    Args:
        logits: unnormalized log-probabilities, [..., classes].
        labels: classes as integers in [0, classes), [...]. A label outside gives nan, -1 too.
        event_ndims: how many trailing axes of labels make one example: 0 for one label, 3 for the levels of an image.

    Returns:
        Nats, [...], without the example's axes.

    Raises:
        UsageError: shapes that do not match, or labels that are no integers.

    Source: the categorical likelihood, as in Kingma et al. 2014, equation 9.
    """
    if not jnp.issubdtype(jnp.result_type(labels), jnp.integer):
        raise UsageError(f"labels are {jnp.result_type(labels)}: expected integers; of one-hot ones pass their argmax")
    shape = check_aligned(event_ndims, logits=jnp.shape(logits)[:-1], labels=jnp.shape(labels))
    logits, classes = at_least_float32(logits), jnp.broadcast_to(labels, shape)[..., None]
    chosen = jnp.take_along_axis(jnp.broadcast_to(logits, (*shape, logits.shape[-1])), classes, axis=-1, mode="clip")
    inside = (classes >= 0) & (classes < logits.shape[-1])  # negative indices would count from the end
    return _sum(jax.nn.logsumexp(logits, axis=-1) - jnp.where(inside, chosen, jnp.nan)[..., 0], event_ndims)


def negative_elbo(nll: Values, kl: Values, *, beta: Values | float = 1.0) -> Values:
    """The loss of a variational autoencoder.

    loss = nll + beta * kl

    Args:
        nll: -log p(x|z), [...].
        kl: KL(q(z|x) || p(z)), [...].
        beta: weight of the KL; 1 is the negative ELBO, anything else is no bound on -log p(x). At 0 an infinite KL
            counts for nothing.

    Returns:
        Nats, [...], to be minimised. Shapes that differ raise a UsageError.

    Source: Kingma and Welling 2013, equation 3; beta as in Higgins et al. 2017, equation 4.
    """
    found, kl_shape = jnp.shape(nll), jnp.shape(kl)
    if found != kl_shape or jnp.shape(beta) not in ((), found):
        what = f"nll has shape {found}, kl {kl_shape} and beta {jnp.shape(beta)}"
        raise UsageError(f"{what}: expected one of each per example; event_ndims=3 sums a loss over [H, W, C]")
    return at_least_float32(nll) + times(beta, at_least_float32(kl))


def _sum(terms: Values, event_ndims: int) -> Values:
    return jnp.sum(terms, axis=tuple(range(-event_ndims, 0)))
