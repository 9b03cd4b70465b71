"""Mixtures that numpyro has not, or has slower."""

import functools
import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpyro.distributions as dist
from jaxtyping import Array, Float, PRNGKeyArray

from vaex.distributions import abilities
from vaex.distributions.shapes import check_value, value_shape
from vaex.errors import UsageError
from vaex.losses.arithmetic import logsumexp
from vaex.model import Distribution

Components = tuple[Array, Callable[[PRNGKeyArray, int], Array]] | None
_LEAST_LOG_VAR = -80.0  # so that precisions stay finite
_FEW = 1024  # numbers in the means, up to which differences cost little more than products
_LIKELIEST = 8  # components


class DiagonalNormalMixture(NamedTuple):
    """A mixture of K normal distributions with diagonal covariance.

    log p(z) = log sum_k w_k N(z; mean_k, diag(exp(log_var_k)))

    Where components are many, their quadratic forms are expanded into matrix products, which for hundreds is ten times
    faster than numpyro's MixtureSameFamily. (z - mean)^2 / var loses digits so, about 1e-7 of z^2 / var: those of the
    eight likeliest are taken again by differences. Where K d is at most 1,024 all are.
    """

    logits: Float[Array, " k"]  # unnormalized log w
    mean_of_components: Float[Array, "k d"]
    log_var: Float[Array, "k d"]

    def sample(self, key: PRNGKeyArray, sample_shape: tuple[int, ...] = ()) -> Float[Array, "*sample d"]:
        which, noise = jax.random.split(key)
        k = jax.random.categorical(which, self.logits, shape=sample_shape)
        # A restored array may be numpy's, which takes no traced index.
        mean, log_var = jnp.asarray(self.mean_of_components)[k], jnp.asarray(self.log_var)[k]
        return mean + jnp.exp(0.5 * log_var) * jax.random.normal(noise, mean.shape)

    def draws_of_components(self, key: PRNGKeyArray, num_samples: int) -> Float[Array, "j k d"]:
        """K draws of each component, J of them."""
        noise = jax.random.normal(
            key, (self.mean_of_components.shape[0], num_samples, self.mean_of_components.shape[1])
        )
        return self.mean_of_components[:, None] + jnp.exp(0.5 * self.log_var)[:, None] * noise

    @property
    def mean(self) -> Float[Array, " d"]:
        """sum_k w_k mean_k."""
        return jax.nn.softmax(self.logits) @ self.mean_of_components

    def log_prob(self, value: Float[Array, " d"]) -> Float[Array, ""]:
        return logsumexp(self.component_log_probs(value))

    def component_log_probs(self, value: Float[Array, " d"]) -> Float[Array, " k"]:
        """Log w_k N(value; mean_k, diag(exp(log_var_k))) for each k, in nats, named as in numpyro's mixtures."""
        log_var, mean = jnp.maximum(self.log_var, _LEAST_LOG_VAR), jnp.asarray(self.mean_of_components)
        log_weights = jax.nn.log_softmax(self.logits)
        if mean.size <= _FEW or len(mean) <= _LIKELIEST:
            return log_weights + _normal_log_prob(_by_differences(value, mean, log_var), log_var)
        found = log_weights + _normal_log_prob(_by_products(value, mean, log_var), log_var)
        _, best = jax.lax.top_k(jax.lax.stop_gradient(found), _LIKELIEST)
        mean, log_var = mean[best], log_var[best]
        return found.at[best].set(log_weights[best] + _normal_log_prob(_by_differences(value, mean, log_var), log_var))


class EqualNormalMixture(DiagonalNormalMixture):
    """One whose weights are equal and stay so: its draws move with all that may, with means and variances."""


def _by_differences(value: Float[Array, " d"], mean: Float[Array, "k d"], log_var: Float[Array, "k d"]) -> Array:
    return jnp.sum(((value - mean) * jnp.exp(-0.5 * log_var)) ** 2, axis=-1)


def _by_products(value: Float[Array, " d"], mean: Float[Array, "k d"], log_var: Float[Array, "k d"]) -> Array:
    precision = jnp.exp(-log_var)
    full = functools.partial(jnp.matmul, precision="highest")  # low precision would leave nothing of the difference
    squares = full(precision, value**2) - 2 * full(precision * mean, value) + jnp.sum(precision * mean**2, axis=-1)
    return jnp.maximum(squares, 0.0)  # rounding must not lift a density above its maximum, for training to climb


def _normal_log_prob(squares: Float[Array, " k"], log_var: Float[Array, "k d"]) -> Float[Array, " k"]:
    return -0.5 * (squares + jnp.sum(log_var, axis=-1) + log_var.shape[-1] * math.log(2 * math.pi))


def component_posterior(mixture: Distribution, value: Array) -> Any:
    """Which component of a mixture a value came from: p(c|value) by Bayes' rule.

    p(c|z) = w_c p(z|c) / sum_c' w_c' p(z|c')

    Args:
        mixture: what abilities.component_log_probs knows, as one of numpyro's mixtures or of those here.
        value: one value, of the mixture's event shape.

    Returns:
        A Categorical over the components.

    Raises:
        UsageError: the distribution is no mixture, or the value has another shape.

    Source: the q(c|x) of Jiang et al. 2017, VaDE, is its mean over z ~ q(z|x).
    """
    if (log_probs := abilities.component_log_probs(mixture)) is None:
        raise UsageError(
            f"{type(mixture).__name__} has no components: clusters are read from a mixture, such as the prior "
            '"mixture" or "vamp"'
        )
    check_value("the mixture", mixture, value)
    return dist.Categorical(logits=log_probs(value))


abilities.component_log_probs.register(DiagonalNormalMixture, lambda q: q.component_log_probs)
abilities.mean.register(DiagonalNormalMixture, lambda q: q.mean)
value_shape.register(DiagonalNormalMixture, lambda q: q.mean_of_components.shape[-1:])
abilities.has_gradient.register(DiagonalNormalMixture, lambda q: False)  # none with respect to the weights
abilities.has_gradient.register(EqualNormalMixture, lambda q: True)
abilities.draws_of_components.register(
    DiagonalNormalMixture, lambda q: (jax.nn.log_softmax(q.logits), q.draws_of_components)
)


@abilities.draws_of_components.register(dist.MixtureSameFamily)
def _(q: dist.MixtureSameFamily) -> Components:
    draw = lambda key, num_samples: jnp.swapaxes(q.component_distribution.sample(key, (num_samples,)), 0, 1)
    return _drawn_if_whole(q, [q.component_distribution], draw)


@abilities.draws_of_components.register(dist.MixtureGeneral)
def _(q: dist.MixtureGeneral) -> Components:
    each = q.component_distributions

    def draw(key: PRNGKeyArray, num_samples: int) -> Array:
        keys = jax.random.split(key, len(each))
        return jnp.stack([p.sample(k, (num_samples,)) for p, k in zip(each, keys, strict=True)])

    return _drawn_if_whole(q, each, draw)


def _drawn_if_whole(q: Any, parts: Sequence[Distribution], draw: Callable[[PRNGKeyArray, int], Array]) -> Components:
    """Of one mixture, not of a batch of them, whose components' own draws carry a gradient."""
    if q.batch_shape or not all(map(abilities.has_gradient, parts)):
        return None
    return jax.nn.log_softmax(q.mixing_distribution.logits), draw
