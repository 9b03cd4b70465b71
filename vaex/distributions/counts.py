"""Distributions over counts, with digits left where these are large."""

import jax.numpy as jnp
import numpyro.distributions as dist
from jax.scipy.special import gammaln, xlogy
from jaxtyping import Array, Float

from vaex.model import Value

_LARGE = 16.0  # from where two terms of Stirling's series are within 1e-9
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
        of_few = xlogy(few, rate) - gammaln(few + 1) - rate
        stirling = 0.5 * jnp.log(2 * jnp.pi * many) + 1 / (12 * many) - 1 / (360 * many**3)
        found = jnp.where(is_large, -many * _distance((rate - many) / many) - stirling, of_few)
        return jnp.where((x >= 0) & (x == jnp.floor(x)), found, -jnp.inf)


def _distance(u: Float[Array, "..."]) -> Float[Array, "..."]:
    """The function d(u) = u - log(1 + u)."""
    near = jnp.where(jnp.abs(u) < _NEAR, u, 0.0)
    far = jnp.where(jnp.abs(u) < _NEAR, 1.0, u)
    series = jnp.polyval(jnp.asarray([-1 / 7, 1 / 6, -1 / 5, 1 / 4, -1 / 3, 1 / 2], near.dtype), near) * near**2
    return jnp.where(jnp.abs(u) < _NEAR, series, far - jnp.log1p(far))
