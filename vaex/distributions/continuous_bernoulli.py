"""The continuous Bernoulli distribution, which numpyro lacks."""

import jax
import jax.numpy as jnp
import numpyro.distributions as dist
from jaxtyping import Array, Float
from numpyro.distributions import constraints

from vaex.model import Key, Value


class ContinuousBernoulli(dist.Distribution):
    """A density on [0, 1], the normalized lambda^x (1 - lambda)^(1 - x) with lambda = sigmoid(logits).

    log p(x) = x logits - A(logits),   A(l) = log((exp(l) - 1) / l)

    Args:
        logits: log(lambda / (1 - lambda)), [*batch]; 0 is the uniform density.

    Source: Loaiza-Ganem and Cunningham 2019; the exponential family's form of their C(lambda).
    """

    arg_constraints = {"logits": constraints.real}  # noqa: RUF012
    reparametrized_params = ["logits"]  # noqa: RUF012
    pytree_data_fields = ("logits",)

    def __init__(self, logits: Float[Array, "..."] | float) -> None:
        self.logits = jnp.asarray(logits)
        super().__init__(self.logits.shape, ())

    @property
    def support(self) -> constraints.Constraint:
        return constraints.unit_interval

    def sample(self, key: Key, sample_shape: tuple[int, ...] = ()) -> Float[Array, "..."]:
        u = jax.random.uniform(key, sample_shape + self.batch_shape, minval=2**-24)  # at 0 a slope may be infinite
        is_rising, is_flat = self.logits > 0, jnp.abs(self.logits) < 0.02
        # The inverse of the CDF for the falling density, which never overflows; its mirror image rises.
        slope = jnp.where(is_flat, -1.0, -jnp.abs(self.logits))
        x = jnp.log1p(jnp.where(is_rising, 1 - u, u) * jnp.expm1(slope)) / slope
        steep = jnp.where(is_rising, 1 - x, x)
        series = u + u * (1 - u) * (self.logits / 2 + self.logits**2 * (1 - 2 * u) / 6)  # where the other is 0/0
        return jnp.clip(jnp.where(is_flat, series, steep), 0, 1)

    def log_prob(self, value: Value, intermediates: list | None = None) -> Float[Array, "..."]:
        log_p = value * self.logits - log_normalizer(self.logits)
        return jnp.where((value >= 0) & (value <= 1), log_p, -jnp.inf)

    @property
    def mean(self) -> Float[Array, "..."]:
        """E[x] = A'(logits)."""
        return jax.grad(lambda logits: jnp.sum(log_normalizer(logits)))(self.logits)


def log_normalizer(logits: Float[Array, "..."]) -> Float[Array, "..."]:
    """Log of the integral of exp(l x) over [0, 1], by its Taylor series around l = 0, where the closed form is 0/0.

    A(l) = max(l, 0) + log(1 - exp(-2y)) - log(2y),   y = |l| / 2
    A(l) = l/2 + y^2/6 - y^4/180 + y^6/2835 - ...   for y < 0.3, where the next term is below 2e-9
    """
    near = jnp.abs(logits) < 0.6
    square, y = jnp.where(near, logits / 2, 0.0) ** 2, jnp.where(near, 1.0, jnp.abs(logits) / 2)
    series = logits / 2 + square / 6 - square**2 / 180 + square**3 / 2835
    closed = jnp.maximum(logits, 0) + jnp.log(-jnp.expm1(-2 * y)) - jnp.log(2 * y)
    return jnp.where(near, series, closed)
