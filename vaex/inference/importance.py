"""Importance sampling: draws from q(z|x) weighed so that they stand for p(z|x), and resampled by their weights."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from vaex import bounds
from vaex.distributions.abilities import sample_and_log_prob
from vaex.errors import check_whole
from vaex.inference.kernels import blackjax
from vaex.losses.arithmetic import at_least_float32, times
from vaex.model import AnyModel, Distribution, Example, Latent, Value, at
from vaex.objectives.encode import encode
from vaex.objectives.terms import log_weights

_NEARLY_EQUAL = 1.0  # nats between the largest and the smallest: there is no heavy tail within a factor of e


def squared_error(size: Float[Array, "*batch"], num_draws: int) -> Float[Array, "*batch"]:
    """That of the log of an average of weights, by their effective sample size; nan of a single draw."""
    relative = jnp.maximum(num_draws / size - 1, 0.0)
    return relative / (num_draws - 1) if num_draws > 1 else jnp.full_like(size, jnp.nan)


class Weighted(NamedTuple):
    """K draws with their log-weights, which together stand for p(z|x)."""

    z: Latent  # [K, ...]
    log_w: Float[Array, " k"]  # log p(x, z_k) - log q(z_k|x), in nats
    own_squared_error: Float[Array, ""] | None = None  # of log_likelihood, where more than these weights went into it

    @property
    def log_likelihood(self) -> Float[Array, ""]:
        """The estimate of log p(x), L_K: exp of it is unbiased for p(x)."""
        return bounds.iwae(self.log_w)

    @property
    def share(self) -> Float[Array, " k"]:
        """The weights, which sum to 1; nan where all are zero."""
        return jax.nn.softmax(at_least_float32(self.log_w))

    @property
    def effective_sample_size(self) -> Float[Array, ""]:
        """How many draws from p(z|x) these are worth."""
        return effective_sample_size(self.log_w)

    @property
    def standard_error(self) -> Float[Array, ""]:
        """That of log_likelihood, by the delta method; nan of a single draw.

        s^2 = (K / ESS - 1) / (K - 1),   of sequential Monte Carlo the sum of that over the temperatures
        """
        own = self.own_squared_error
        return jnp.sqrt(squared_error(self.effective_sample_size, len(self.log_w)) if own is None else own)

    @property
    def pareto_k(self) -> Float[Array, ""]:
        """The shape of the weights' tail: above 0.7 neither the average nor its effective sample size is to be trusted.

        Inf of fewer than 25 draws, which have no tail to look at; 0 of weights so nearly equal that rounding leaves
        ties in it; nan of others whose tail has ties, as where most of them are zero.

        Source: Vehtari, Simpson, Gelman, Yao and Gabry 2024, Pareto smoothed importance sampling.
        """
        k = _smoothed(self.log_w)[1]
        return jnp.where(jnp.isnan(k) & (jnp.ptp(self.log_w) < _NEARLY_EQUAL), 0.0, k)

    def smoothed(self) -> "Weighted":
        """The same with the largest weights replaced by quantiles of the Pareto distribution fitted to them.

        Only where pareto_k is at least 1/3: of a lighter tail, or of fewer than 25 draws, the weights are as they were.
        Their sum stays, so that log_likelihood is that of the smoothed weights' shares and not unbiased any more.
        """
        log_share, _ = _smoothed(self.log_w)
        return self._replace(log_w=log_share + self.log_likelihood + jnp.log(len(self.log_w)))

    def mean(self, values: Value = None) -> Value:
        """The average of z, or of K values made of it, [K, ...]: sum_k w_k f(z_k) / sum_k w_k; biased by order 1/K."""
        along = lambda leaf: self.share.reshape(-1, *[1] * (leaf.ndim - 1))
        averaged = lambda leaf: jnp.sum(times(along(leaf), leaf), axis=0)  # what has no weight may be infinite
        return jax.tree.map(averaged, self.z if values is None else values)

    def resample(self, key: PRNGKeyArray, num_draws: int) -> Latent:
        """Draws of equal weight: z^(m) = z_k with probability w_k / sum_k w_k, [M, ...].

        Approximate draws from p(z|x), exact in the limit of large K; no more than K of them differ.

        Raises:
            OptionError: num_draws below 1.

        Source: Rubin 1987, sampling importance resampling.
        """
        check_whole(num_draws=num_draws)
        chosen = jax.random.categorical(key, self.log_w, shape=(num_draws,))
        return jax.tree.map(lambda leaf: leaf[chosen], self.z)


def importance(
    key: PRNGKeyArray, model: AnyModel, x: Example, *, num_samples: int = 1000, proposal: Distribution | None = None
) -> Weighted:
    """Self-normalised importance sampling of p(z|x).

    E[f(z)|x] ~ sum_k w_k f(z_k) / sum_k w_k,   w_k = p(x, z_k) / q(z_k|x),   z_k ~ q(z|x)

    Args:
        key: a PRNG key.
        model: a model; discrete latents too.
        x: one example; for a Conditional model a Given.
        num_samples: K.
        proposal: what z is drawn from; q(z|x) if None. It must cover p(z|x): model.prior does.

    Returns:
        The draws and their log-weights.

    Raises:
        OptionError: num_samples below 1.
        UsageError: a conditional model without a condition, or x or z of another shape than the model's.

    Source: Kahn and Marshall 1953; Owen 2013, Monte Carlo theory, methods and examples, chapter 9.
    """
    check_whole(num_samples=num_samples)
    now, x = at(model, x)
    q = encode(now, x) if proposal is None else proposal
    z, log_qz = sample_and_log_prob(key, q, num_samples)
    return Weighted(z, log_weights(now, x, q, z, log_qz=log_qz).log_w)


def resampled(
    key: PRNGKeyArray, model: AnyModel, x: Example, *, num_draws: int = 100, num_samples: int = 1000, **options: Any
) -> Latent:
    """Sampling importance resampling: num_draws of the K draws of `importance`, by their weights, [M, ...]."""
    draw_key, choice_key = jax.random.split(key)
    return importance(draw_key, model, x, num_samples=num_samples, **options).resample(choice_key, num_draws)


def effective_sample_size(log_w: Float[Array, " k"]) -> Float[Array, ""]:
    """How many draws from p(z|x) the K weighted draws from q(z|x) are worth.

    ESS = (sum_k w_k)^2 / sum_k w_k^2,   from 1 to K, or 0 where all weights are zero

    Source: Kong 1992.
    """
    log_w = at_least_float32(log_w)
    largest = jnp.max(log_w)
    w = jnp.exp(log_w - jnp.where(jnp.isfinite(largest), largest, 0.0))
    return jnp.sum(w) ** 2 / jnp.maximum(jnp.sum(w**2), jnp.finfo(w.dtype).tiny)


def _smoothed(log_w: Float[Array, " k"]) -> tuple[Array, Array]:
    """Log of the smoothed shares, and Pareto k."""
    return blackjax().diagnostics.psis_weights(at_least_float32(log_w))
