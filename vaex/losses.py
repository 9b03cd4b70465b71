"""Closed forms on plain arrays: one value per example in nats, summed over the last axis, never averaged."""

from __future__ import annotations

from typing import TYPE_CHECKING

import jax
import jax.numpy as jnp

if TYPE_CHECKING:
    from jaxtyping import Array, Float, Int, Num, PRNGKeyArray

_LOG_2PI = 1.8378770664093453


def reparameterize(
    key: PRNGKeyArray, mean: Float[Array, "*batch d"], log_var: Float[Array, "*batch d"]
) -> Float[Array, "*batch d"]:
    """A draw z ~ N(mean, exp(log_var)) through which gradients flow.

    z = mean + exp(log_var / 2) * eps,   eps ~ N(0, I)

    Args:
        key: a PRNG key.
        mean: means, [..., d].
        log_var: logarithms of the variances, [..., d].

    Returns:
        One draw for each element, [..., d].

    Source: Kingma and Welling 2013, equation 4 and section 2.4.
    """
    shape = jnp.broadcast_shapes(mean.shape, log_var.shape)
    return mean + jnp.exp(0.5 * log_var) * jax.random.normal(key, shape, mean.dtype)


def kl_standard_normal(mean: Float[Array, "*batch d"], log_var: Float[Array, "*batch d"]) -> Float[Array, "*batch"]:
    """KL(N(mean, exp(log_var)) || N(0, I)).

    KL = 1/2 sum_j (exp(log_var_j) - 1 - log_var_j + mean_j^2)

    Args:
        mean: means of q, [..., d].
        log_var: logarithms of the variances of q, [..., d].

    Returns:
        Nats, [...].

    Source: Kingma and Welling 2013, appendix B.
    """
    return 0.5 * jnp.sum(jnp.expm1(log_var) - log_var + jnp.square(mean), axis=-1)


def kl_normal(
    mean_q: Float[Array, "*batch d"],
    log_var_q: Float[Array, "*batch d"],
    mean_p: Float[Array, "*batch d"],
    log_var_p: Float[Array, "*batch d"],
) -> Float[Array, "*batch"]:
    """KL(N(mean_q, exp(log_var_q)) || N(mean_p, exp(log_var_p))), both with diagonal covariance.

    KL = 1/2 sum_j (r_j - 1 - log r_j + (mean_q - mean_p)_j^2 / exp(log_var_p)_j),   r = exp(log_var_q - log_var_p)

    A value beyond the largest float is inf: in float32 when log_var_q - log_var_p exceeds 88, say. It is never nan for
    log-variances in [-170, 170].

    Args:
        mean_q: means of q, [..., d].
        log_var_q: logarithms of the variances of q, [..., d].
        mean_p: means of p, [..., d].
        log_var_p: logarithms of the variances of p, [..., d].

    Returns:
        Nats, [...].

    Source: the Gaussian case of Kingma and Welling 2013, appendix B, for a general p.
    """
    log_ratio = log_var_q - log_var_p
    mahalanobis = jnp.square((mean_q - mean_p) * jnp.exp(-0.5 * log_var_p))
    return 0.5 * jnp.sum(jnp.expm1(log_ratio) - log_ratio + mahalanobis, axis=-1)


def bernoulli_nll(logits: Float[Array, "*batch d"], x: Num[Array, "*#batch d"]) -> Float[Array, "*batch"]:
    """-log p(x) for independent Bernoulli variables.

    nll = sum_j (softplus(logits_j) - x_j * logits_j)

    Args:
        logits: log-odds of a one, [..., d].
        x: zeros and ones, [..., d]. Values in between give a cross-entropy, which is not a likelihood.

    Returns:
        Nats, [...].

    Source: Kingma and Welling 2013, appendix C.1.
    """
    return _bernoulli_nll(logits, jnp.asarray(x, logits.dtype))


@jax.custom_jvp
def _bernoulli_nll(logits: Float[Array, "*batch d"], x: Float[Array, "*#batch d"]) -> Float[Array, "*batch"]:
    e = jnp.exp(-jnp.abs(logits))
    # sum_j log(1 + e_j) with one logarithm for every 16 elements. (1 + a)(1 + b) = 1 + (a + b + ab): carried without
    # its leading 1, so that tiny terms keep their digits.
    fold = next(n for n in (16, 8, 4, 2, 1) if logits.shape[-1] % n == 0)
    while fold > 1:
        a, b = jnp.split(e, 2, axis=-1)
        e, fold = a + b + a * b, fold // 2
    # Element by element the large terms cancel exactly, so that logits of 1e4 cost no digits.
    return jnp.sum(jnp.maximum(logits, 0) - x * logits, axis=-1) + jnp.sum(jnp.log1p(e), axis=-1)


@_bernoulli_nll.defjvp
def _bernoulli_nll_jvp(primals, tangents):
    (logits, x), (logits_dot, x_dot) = primals, tangents
    return _bernoulli_nll(logits, x), jnp.sum((jax.nn.sigmoid(logits) - x) * logits_dot - logits * x_dot, axis=-1)


def gaussian_nll(
    mean: Float[Array, "*batch d"], x: Float[Array, "*batch d"], *, log_var: Float[Array, "*#batch #d"] | float
) -> Float[Array, "*batch"]:
    """-log N(x; mean, exp(log_var)), constants included.

    nll = 1/2 sum_j (log(2 pi) + log_var_j + (x_j - mean_j)^2 / exp(log_var_j))

    Args:
        mean: means, [..., d].
        x: data, [..., d].
        log_var: logarithm of the variance: a scalar, or anything that broadcasts to [..., d].

    Returns:
        Nats, [...].

    Source: Kingma and Welling 2013, appendix C.2.
    """
    return 0.5 * jnp.sum(_LOG_2PI + log_var + jnp.square((x - mean) * jnp.exp(-0.5 * jnp.asarray(log_var))), axis=-1)


def categorical_nll(logits: Float[Array, "*batch classes"], labels: Int[Array, "*batch"]) -> Float[Array, "*batch"]:
    """-log softmax(logits)[label].

    nll = logsumexp(logits) - logits[label]

    Args:
        logits: unnormalized log-probabilities, [..., classes].
        labels: classes as integers in [0, classes), [...]. A label outside gives nan.

    Returns:
        Nats, [...].

    Source: the categorical likelihood, as in Kingma et al. 2014, equation 9.
    """
    chosen = jnp.take_along_axis(logits, labels[..., None], axis=-1, mode="fill", fill_value=jnp.nan)[..., 0]
    return jax.nn.logsumexp(logits, axis=-1) - chosen


def negative_elbo(
    nll: Float[Array, "*batch"], kl: Float[Array, "*batch"], *, beta: float = 1.0
) -> Float[Array, "*batch"]:
    """The loss of a variational autoencoder.

    loss = nll + beta * kl

    Args:
        nll: -log p(x|z), [...].
        kl: KL(q(z|x) || p(z)), [...].
        beta: weight of the KL; 1 is the negative ELBO, anything else is no bound on -log p(x).

    Returns:
        Nats, [...], to be minimised.

    Source: Kingma and Welling 2013, equation 3; beta as in Higgins et al. 2017, equation 4.
    """
    return nll + beta * kl
