"""Distributions over counts, with digits left where these are large."""

import jax.numpy as jnp
import numpyro.distributions as dist
from jax.scipy.special import gammaln
from jaxtyping import Array, Float

from vaex.model import Value

_LARGE = 16.0  # from where two terms of Stirling's series are within 1e-9
_SMALL = -0.5  # from where on down 1 + u is rounded more than the logarithm of each
_NEAR = 0.05  # relative distances below which a series has more digits than a difference


class Poisson(dist.Poisson):
    """A Poisson variable; its log-probability is no difference of numbers as large as x log x.

    log P(x) = -x d(rate / x - 1) - log(2 pi x) / 2 - 1 / (12 x) + 1 / (360 x^3),   d(u) = u - log(1 + u),   of large x

    Source: Loader 2000, equations 3 and 4.
    """

    def log_prob(self, value: Value, intermediates: list | None = None) -> Float[Array, "..."]:
        rate, x = jnp.asarray(self.rate), jnp.asarray(value, jnp.result_type(float))
        is_large = x >= _LARGE
        few, many = jnp.where(is_large, 1.0, x), jnp.where(is_large, x, _LARGE)
        log_rate = jnp.log(jnp.where(is_large | (x <= 0), 1.0, rate))  # xlogy's slope at 0, 0 is nan
        of_few = few * log_rate - gammaln(few + 1) - rate
        of_many = -many * _distance(jnp.where(is_large, rate, many), many) - _stirling(many)
        found = jnp.where(is_large, of_many, of_few)
        return jnp.where((x >= 0) & (x < jnp.inf) & (x == jnp.floor(x)), found, -jnp.inf)


class NegativeBinomial(dist.GammaPoisson):
    """A Poisson variable whose rate is a Gamma one; its log-probability is no difference of large numbers either.

    log P(x) = log(c / n) + S(n) - S(c) - S(x) - c d(n / (c + m) - 1) - x d(m n / ((c + m) x) - 1),   n = c + x,
    m = c / rate the mean,   S(x) = log(x!) - x log(x) + x,   of x above 0, and -c log(1 + m / c) of 0

    Source: Loader 2000, equation 5, for counts that need not be whole.
    """

    def log_prob(self, value: Value, intermediates: list | None = None) -> Float[Array, "..."]:
        c, x = jnp.asarray(self.concentration), jnp.asarray(value, jnp.result_type(float))
        mean = c / jnp.asarray(self.rate)
        is_count = (x >= 0) & (x < jnp.inf) & (x == jnp.floor(x))
        some = jnp.where(is_count & (x > 0), x, 1.0)
        n, share = c + some, mean / (c + mean)
        of_some = jnp.log(c / n) + _rest(n) - _rest(c) - _rest(some)
        of_some -= c * _distance(n * (c / (c + mean)), c) + some * _distance(n * share, some)
        return jnp.where(is_count, jnp.where(x > 0, of_some, -c * jnp.log1p(mean / c)), -jnp.inf)


def _rest(x: Float[Array, "..."]) -> Float[Array, "..."]:
    """What of log(x!) = log gamma(x + 1) is left beside x log(x) - x, of x > 0."""
    is_large = x >= _LARGE
    few, many = jnp.where(is_large, 1.0, x), jnp.where(is_large, x, _LARGE)
    return jnp.where(is_large, _stirling(many), gammaln(few + 1) - few * jnp.log(few) + few)


def _stirling(x: Float[Array, "..."]) -> Float[Array, "..."]:
    """The same of large x, by Stirling's series."""
    return 0.5 * jnp.log(2 * jnp.pi * x) + 1 / (12 * x) - 1 / (360 * x**3)


def _distance(rate: Float[Array, "..."], x: Float[Array, "..."]) -> Float[Array, "..."]:
    """The function d(u) = u - log(1 + u) of u = rate / x - 1, by what keeps its digits in each of three ranges."""
    u = (rate - x) / x
    is_near, is_small = jnp.abs(u) < _NEAR, u < _SMALL
    near, far = jnp.where(is_near, u, 0.0), jnp.where(is_near | is_small, 1.0, u)
    series = jnp.polyval(jnp.asarray([-1 / 7, 1 / 6, -1 / 5, 1 / 4, -1 / 3, 1 / 2], near.dtype), near) * near**2
    small = u - jnp.log(jnp.where(is_small, rate, x)) + jnp.log(x)  # where 1 + u has lost the rate's digits
    return jnp.where(is_near, series, jnp.where(is_small, small, far - jnp.log1p(far)))
