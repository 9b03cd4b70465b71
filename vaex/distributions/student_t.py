"""Student's t of any number of degrees of freedom, where numpyro's has a normalizer without digits."""

import jax.numpy as jnp
import numpyro.distributions as dist
from jax.scipy.special import betaln
from jaxtyping import Array, Float

from vaex.model import Value


class StudentT(dist.StudentT):
    """Student's t; its normalizer is no difference of two logarithms of gamma functions.

    log p(x) = -(n + 1) / 2 log(1 + y^2 / n) - log B(n / 2, 1 / 2) - log(n) / 2 - log s,   y = (x - m) / s,   n degrees
    """

    def log_prob(self, value: Value, intermediates: list | None = None) -> Float[Array, "..."]:
        degrees, scale = jnp.asarray(self.df), jnp.asarray(self.scale)
        y = (value - self.loc) / scale
        normalizer = betaln(degrees / 2, 0.5) + 0.5 * jnp.log(degrees) + jnp.log(scale)
        return -0.5 * (degrees + 1) * jnp.log1p(y**2 / degrees) - normalizer
