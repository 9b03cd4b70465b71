"""Likelihoods p(x|z): what the raw output of a decoder means."""

import math
from collections.abc import Callable

import jax.numpy as jnp
import numpyro.distributions as dist
from jax.typing import ArrayLike
from jaxtyping import Array, Float

from vaex.distributions import CategoricalLevels, ContinuousBernoulli, DiscretizedLogistic, IndependentBernoulli
from vaex.errors import UsageError
from vaex.model import Distribution, Family, Params

_LOG_SCALE_BOUND = 8.0  # what a decoder may make of a scale, exp(-8) to exp(8): pixels' noise is 1/256 and more


def from_function(function: Callable[[Array], dist.Distribution]) -> Family:
    """Any numpyro distribution as a likelihood: raw -> p(x|z), its independent factors made one event.

    >>> student_t = from_function(lambda raw: dist.StudentT(3.0, raw, 0.1))

    Args:
        function: from the decoder's output to a distribution over x.
    """

    def apply(params: Params, raw: Float[Array, "..."]) -> Distribution:
        distribution = function(raw)
        return distribution.to_event(len(distribution.batch_shape))

    return Family(init=lambda key: {}, apply=apply)


def bernoulli() -> Family:
    """The likelihood p(x|z) = prod_j Bernoulli(x_j; sigmoid(raw_j)).

    Source: Kingma and Welling 2013, appendix C.1.
    """
    return Family(init=lambda key: {}, apply=lambda params, raw: IndependentBernoulli(raw, raw.ndim))


def normal_fixed(sigma: float) -> Family:
    """The likelihood p(x|z) = N(raw, sigma^2 I) with sigma given."""
    return Family(
        init=lambda key: {},
        apply=lambda params, raw: dist.Normal(raw, jnp.full_like(raw, sigma)).to_event(raw.ndim),
    )


def normal_learned(sigma: ArrayLike) -> Family:
    """The likelihood p(x|z) = N(raw, diag(sigma^2)) with sigma learned, the same for every z.

    Args:
        sigma: where learning starts. A scalar is one sigma for all pixels, an array of x's shape one for each.

    Source: the scalar as in Rybkin, Daniilidis and Levine 2021.
    """

    def apply(params: Params, raw: Float[Array, "..."]) -> Distribution:
        return dist.Normal(raw, jnp.broadcast_to(jnp.exp(params["log_sigma"]), raw.shape)).to_event(raw.ndim)

    return Family(init=lambda key: {"log_sigma": jnp.log(jnp.asarray(sigma, jnp.float32))}, apply=apply)


def normal_output() -> Family:
    """The likelihood p(x|z) = N(mean, diag(sigma^2)) with both from z: raw = [mean, log sigma], [*x_shape, 2].

    The logarithm of sigma is bounded smoothly, so that no density grows without limit where x is foreseen exactly.

    Source: Kingma and Welling 2013, appendix C.2.
    """
    return from_function(lambda raw: dist.Normal(raw[..., 0], jnp.exp(_bounded(raw[..., 1]))))


def continuous_bernoulli() -> Family:
    """The likelihood p(x|z) = prod_j CB(x_j; raw_j) on [0, 1], raw_j the logits.

    Source: Loaiza-Ganem and Cunningham 2019.
    """
    return from_function(ContinuousBernoulli)


def categorical() -> Family:
    """The likelihood that gives each of a pixel's 256 levels a probability of its own: raw = logits, [*x_shape, 256].

    Source: van den Oord, Kalchbrenner and Kavukcuoglu 2016, the softmax over levels.
    """
    return from_function(CategoricalLevels)


def discretized_logistic() -> Family:
    """The likelihood of levels by a rounded logistic variable: raw = [location, log scale], [*x_shape, 2].

    Source: Kingma et al. 2016 and Salimans et al. 2017, section 2.1.
    """
    return from_function(lambda raw: DiscretizedLogistic(raw[..., 0], _bounded(raw[..., 1])))


def logistic_mixture() -> Family:
    """The likelihood of levels by a mixture of K rounded logistics for each: raw = [logits, locations, log scales].

    P(x_j) = sum_k softmax(logits_j)_k P(x_j; loc_jk, scale_jk),   raw: [*x_shape, 3, K]

    Several channels are independent, which is where it is simpler than the source's.

    Source: Salimans, Karpathy, Chen and Kingma 2017, section 2.1.
    """

    def mixture(raw: Float[Array, "*x_shape three k"]) -> dist.Distribution:
        components = DiscretizedLogistic(raw[..., 1, :], _bounded(raw[..., 2, :]))
        return dist.MixtureSameFamily(dist.Categorical(logits=raw[..., 0, :]), components)

    return from_function(mixture)


def unbounded(scale: float) -> float:
    """The raw output at which a scale of [location, log scale] is this one.

    Raises:
        UsageError: a scale that no output has.
    """
    log_scale = math.log(scale)
    if not abs(log_scale) < _LOG_SCALE_BOUND:
        low, high = math.exp(-_LOG_SCALE_BOUND), math.exp(_LOG_SCALE_BOUND)
        raise UsageError(f"the scale to start from is {scale}: expected more than {low:.2g} and less than {high:.2g}")
    return _LOG_SCALE_BOUND * math.atanh(log_scale / _LOG_SCALE_BOUND)


def _bounded(log_scale: Float[Array, "..."]) -> Float[Array, "..."]:
    """Near the identity around 0, and never beyond the bound."""
    return _LOG_SCALE_BOUND * jnp.tanh(log_scale / _LOG_SCALE_BOUND)
