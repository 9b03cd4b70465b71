"""Distributions on the unit sphere: uniform, and one about a direction whose draws carry their gradients."""

import math

import jax
import jax.numpy as jnp
import numpyro.distributions as dist
from jax.scipy.special import betaln, gammaln
from jax.typing import ArrayLike
from jaxtyping import Array, Float
from numpyro.distributions import constraints

from vaex.distributions.divergences import kl_between
from vaex.distributions.supports import nearest
from vaex.distributions.unit_vectors import ON_SPHERE, unit
from vaex.errors import check_whole
from vaex.model import Key, Value

_MANY = 1e4  # of a gamma variable, from where on two terms of its derivative are exact, and jax's own hardly ends


class UniformOnSphere(dist.Distribution):
    """The uniform distribution of unit vectors.

    p(z) = Gamma(d / 2) / (2 pi^(d / 2)),   |z| = 1,   a density over the sphere's surface

    Args:
        num: d, at least 2: how many numbers a vector has; the sphere is of one dimension fewer.

    Raises:
        OptionError: fewer.
    """

    pytree_aux_fields = ("num",)

    def __init__(self, num: int) -> None:
        check_whole(2, num=num)
        self.num = num
        super().__init__((), (num,))

    @property
    def support(self) -> constraints.Constraint:
        return ON_SPHERE

    def sample(self, key: Key, sample_shape: tuple[int, ...] = ()) -> Float[Array, "... d"]:
        return unit(jax.random.normal(key, (*sample_shape, self.num)))

    def log_prob(self, value: Value, intermediates: list | None = None) -> Float[Array, "..."]:
        return jnp.full_like(value[..., 0], math.lgamma(self.num / 2) - math.log(2 * math.pi ** (self.num / 2)))

    @property
    def mean(self) -> Float[Array, " d"]:
        return jnp.zeros(self.num)

    @property
    def variance(self) -> Float[Array, " d"]:
        return jnp.full(self.num, 1 / self.num)


class PowerSpherical(dist.Distribution):
    """A distribution of unit vectors about a direction, uniform where the concentration is 0.

    p(z) ∝ ((1 + mu.z) / 2)^kappa,   (1 + mu.z) / 2 ~ Beta((d - 1) / 2 + kappa, (d - 1) / 2)

    For large kappa z - mu ~ N(0, 2 / kappa) along the surface, as of von Mises and Fisher's with half of kappa, which
    has more of a tail. A draw is one of Student's t in the plane that touches the sphere at mu, seen from the opposite
    point: none is rejected, and each carries its gradient.

    Args:
        direction: mu, unit vectors, [*batch, d], d at least 2.
        concentration: kappa, [*batch], at least 0.

    Raises:
        OptionError: vectors of fewer than two numbers.

    Source: De Cao and Aziz 2020, the power spherical distribution.
    """

    arg_constraints = {"direction": ON_SPHERE, "concentration": constraints.nonnegative}  # noqa: RUF012
    reparametrized_params = ["direction", "concentration"]  # noqa: RUF012
    pytree_data_fields = ("direction", "concentration")

    def __init__(self, direction: ArrayLike, concentration: ArrayLike) -> None:
        self.direction = jnp.asarray(direction, jnp.result_type(direction, float))
        *batch_shape, num = self.direction.shape
        check_whole(2, num=num)
        self.concentration = jnp.broadcast_to(jnp.asarray(concentration, self.direction.dtype), batch_shape)
        super().__init__(tuple(batch_shape), (num,))

    @property
    def support(self) -> constraints.Constraint:
        return ON_SPHERE

    @property
    def _parameters(self) -> tuple[Float[Array, "*batch"], Float[Array, "*batch"]]:
        half = (self.direction.shape[-1] - 1) / 2
        return half + self.concentration, jnp.full_like(self.concentration, half)  # of the Beta

    def sample(self, key: Key, sample_shape: tuple[int, ...] = ()) -> Float[Array, "... d"]:
        gamma_key, normal_key = jax.random.split(key)
        shape, dtype = (*sample_shape, *self.batch_shape), self.direction.dtype
        noise = jax.random.normal(normal_key, (*shape, *self.event_shape), dtype)
        across = noise - jnp.sum(noise * self.direction, axis=-1, keepdims=True) * self.direction
        # Half of |across|^2 is the second of the two gamma variables of which the Beta is made.
        y = across / jnp.sqrt(2 * _gamma(gamma_key, jnp.broadcast_to(self._parameters[0], shape)))[..., None]
        square = jnp.sum(jnp.square(y), axis=-1, keepdims=True)
        return unit(((1 - square) * self.direction + 2 * y) / (1 + square))

    def log_prob(self, value: Value, intermediates: list | None = None) -> Float[Array, "..."]:
        a, b = self._parameters
        farthest = 1 - jnp.finfo(self.direction.dtype).epsneg  # at 1, opposite of mu, follows the logarithm of nothing
        apart = jnp.minimum(jnp.sum(jnp.square(value - self.direction), axis=-1) / 4, farthest)  # 1 - (1 + mu.z) / 2
        return self.concentration * jnp.log1p(-apart) + gammaln(b) - betaln(a, b) - b * math.log(4 * math.pi)

    @property
    def mean(self) -> Float[Array, "*batch d"]:
        a, b = self._parameters
        return ((a - b) / (a + b))[..., None] * self.direction

    @property
    def variance(self) -> Float[Array, "*batch d"]:
        a, b = self._parameters
        square, across = jnp.square(self.direction), 4 * a * b / ((a + b) * (a + b + 1))  # E[1 - (mu.z)^2]
        along = across / (a + b)  # Var[mu.z]
        return along[..., None] * square + (across / (2 * b))[..., None] * (1 - square)


@kl_between(PowerSpherical, UniformOnSphere)
def _kl_power_uniform(p: PowerSpherical, q: UniformOnSphere) -> Float[Array, "*batch"]:
    a, b = p._parameters
    log_beta, expected = jax.jvp(lambda a: betaln(a, b), (a,), (jnp.ones_like(a),))  # E[log (1 + mu.z) / 2]
    return p.concentration * expected + betaln(b, b) - log_beta


def _gamma(key: Key, a: Float[Array, "*batch"]) -> Float[Array, "*batch"]:
    """Draws of gamma variables, with the derivative that a draw's quantile has.

    dg/da = 1 + (g - a) / (2 a) + O(1 / a)
    """
    still = jax.lax.stop_gradient(a)
    drawn = jax.random.gamma(key, still, dtype=a.dtype)
    of_many = drawn + (1 + (drawn - still) / (2 * still)) * (a - still)
    return jnp.where(a > _MANY, of_many, jax.random.gamma(key, jnp.minimum(a, _MANY), dtype=a.dtype))


nearest.register(UniformOnSphere, lambda p, z: unit(z))
nearest.register(PowerSpherical, lambda p, z: unit(z))
