"""What likelihoods are made of: any numpyro distribution, scales that a decoder computes, learned scales."""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpyro.distributions as dist
from jaxtyping import Array, Float, PRNGKeyArray

from vaex.choices import Build, supply
from vaex.distributions.rescaled import rescaled
from vaex.errors import OptionError, check_fraction, check_positive
from vaex.model import Distribution, Family, Params
from vaex.models.columns import units
from vaex.models.description import Source
from vaex.models.scales import MIN_SIGMA, check_learned, learned_scale
from vaex.networks.pairs import Shape


class Likelihood(NamedTuple):
    """A Family with what a model is built of around it."""

    init: Callable[[PRNGKeyArray], Params]
    apply: Callable[..., Distribution]  # (params, raw) -> p(x|z)
    defined_on: str = "density"  # what x is: "binary", "density" or "levels", as in vaex.data.preprocess, or "rows"
    raw_shape: Callable[[Shape], Shape] = lambda x_shape: x_shape  # of the decoder's output
    start: Callable[[Any], Any] = lambda mean: mean  # mean of the pixels -> output to start from


def output_bias(likelihood: Likelihood, source: Source) -> Callable[..., Array]:
    """Start the decoder's output at what the training mean asks for: a Flax initializer."""
    start = likelihood.start(source.mean)
    return lambda key, shape, dtype=jnp.float32: jnp.array(start, dtype).reshape(shape)  # a copy: it will be donated


def build_likelihood(likelihood: Build, source: Source) -> Likelihood:
    """The likelihood of a source's examples; a density of standardized features as one of rows in their own units.

    log p(x|z) = log p((x - m) / s|z) - sum_j log s_j
    """
    made: Likelihood = supply(likelihood, x_shape=source.x_shape, columns=source.columns)
    if not source.columns or made.defined_on != "density":
        return made
    center, scale = units(source.columns)
    return made._replace(apply=lambda params, raw: rescaled(made.apply(params, raw), center, scale))


def from_function(function: Callable[[Array], dist.Distribution], **known: Any) -> Likelihood:
    """Any numpyro distribution as a likelihood: raw -> p(x|z), its independent factors made one event.

    >>> student_t = from_function(lambda raw: dist.StudentT(3.0, raw, 0.1))

    Args:
        function: from the decoder's output to a distribution over x.
        known: further fields of the Likelihood.
    """

    def apply(params: Params, raw: Float[Array, "..."]) -> Distribution:
        distribution = function(raw)
        return distribution.to_event(len(distribution.batch_shape))

    return Likelihood(lambda key: {}, apply, **known)


def learned_normal(sigma: float, shape: Shape = (), *, min_sigma: float = MIN_SIGMA) -> Family:
    """N(raw, diag(sigma^2)) with sigma learned: a scalar for all elements, or an array of a shape; above min_sigma.

    Raises:
        OptionError: a sigma to start from below twice min_sigma.
    """
    check_learned(sigma, min_sigma)

    def apply(params: Params, raw: Float[Array, "..."]) -> Distribution:
        return dist.Normal(raw, jnp.broadcast_to(learned_scale(params, min_sigma), raw.shape)).to_event(raw.ndim)

    return Family(init=lambda key: {"log_sigma": jnp.log(jnp.full(shape, sigma, jnp.float32))}, apply=apply)


def with_scale(sigma: float, min_sigma: float) -> Callable[[Array], Array]:
    """The raw [location, log scale] to start from, of a mean and this scale."""
    raw = unbounded(sigma, min_sigma)
    return lambda mean: jnp.stack([mean, jnp.full_like(mean, raw)], axis=-1)


def unbounded(sigma: float, min_sigma: float) -> float:
    """The raw output at which a scale of [location, log scale] is this one.

    Raises:
        OptionError: a scale that no output has, or a min_sigma that is not between 0 and 1.
    """
    check_positive(sigma=sigma)
    check_fraction(min_sigma=min_sigma)
    log_scale, bound = math.log(sigma), -math.log(min_sigma)
    if not abs(log_scale) < bound:
        raise OptionError("sigma", sigma, f"more than {min_sigma:.2g} and less than {1 / min_sigma:.2g} to start from")
    return bound * math.atanh(log_scale / bound)


def bounded(log_scale: Float[Array, "..."], min_sigma: float) -> Float[Array, "..."]:
    """What a decoder makes of the logarithm of a scale: near the identity around 0, its exp above min_sigma.

    b tanh(log_scale / b),   b = -log(min_sigma)
    """
    bound = -math.log(min_sigma)
    return bound * jnp.tanh(log_scale / bound)
