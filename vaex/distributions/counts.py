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
        stirling = 0.5 * jnp.log(2 * jnp.pi * many) + 1 / (12 * many) - 1 / (360 * many**3)
        of_many = -many * _distance(jnp.where(is_large, rate, many), many) - stirling
        found = jnp.where(is_large, of_many, of_few)
        return jnp.where((x >= 0) & (x < jnp.inf) & (x == jnp.floor(x)), found, -jnp.inf)


def _distance(rate: Float[Array, "..."], x: Float[Array, "..."]) -> Float[Array, "..."]:
    """The function d(u) = u - log(1 + u) of u = rate / x - 1, by what keeps its digits in each of three ranges."""
    u = (rate - x) / x
    is_near, is_small = jnp.abs(u) < _NEAR, u < _SMALL
    near, far = jnp.where(is_near, u, 0.0), jnp.where(is_near | is_small, 1.0, u)
    series = jnp.polyval(jnp.asarray([-1 / 7, 1 / 6, -1 / 5, 1 / 4, -1 / 3, 1 / 2], near.dtype), near) * near**2
    small = u - jnp.log(jnp.where(is_small, rate, x)) + jnp.log(x)  # where 1 + u has lost the rate's digits
    return jnp.where(is_near, series, jnp.where(is_small, small, far - jnp.log1p(far)))
