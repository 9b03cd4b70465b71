"""Distributions on the unit sphere: uniform, and one about a direction whose draws carry their gradients."""

import math

import jax
import jax.numpy as jnp
import numpyro.distributions as dist
from jax.scipy.special import betaln, gammaln
from jax.typing import ArrayLike
from jaxtyping import Array, Float
from numpyro.distributions import biject_to, constraints
from numpyro.distributions.transforms import ParameterFreeTransform, Transform

from vaex.distributions.divergences import kl_between
from vaex.distributions.supports import nearest
from vaex.errors import check_whole
from vaex.model import Key, Value

_NEAR = 1e-5  # how far from 1 the length of a vector on the sphere may be
_FARTHEST = 1 - 6e-8  # of the way to the opposite point, beyond which the logarithm of nothing would follow
_SHORT = 1e-6


class _OnSphere(constraints.Constraint):
    event_dim = 1

    def __call__(self, x: Value) -> ArrayLike:
        return jnp.abs(jnp.linalg.norm(x, axis=-1) - 1) < _NEAR

    def feasible_like(self, prototype: Value) -> Array:
        return jnp.zeros_like(prototype).at[..., 0].set(1)

    def tree_flatten(self) -> tuple[tuple, tuple]:
        return (), ((), {})


ON_SPHERE = _OnSphere()


class _Stereographic(ParameterFreeTransform):
    """A plane onto the sphere from the point -e_1, which alone no number stands for.

    z = (1 - |y|^2, 2 y) / (1 + |y|^2)
    """

    @property
    def domain(self) -> constraints.Constraint:
        return constraints.real_vector

    @property
    def codomain(self) -> constraints.Constraint:
        return ON_SPHERE

    def __call__(self, x: Value) -> Array:
        square = jnp.sum(jnp.square(x), axis=-1, keepdims=True)
        return jnp.concatenate([1 - square, 2 * x], axis=-1) / (1 + square)

    def _inverse(self, y: Value) -> Array:
        return y[..., 1:] / (1 + y[..., :1])

    def log_abs_det_jacobian(self, x: Value, y: Value, intermediates: None = None) -> Array:
        return x.shape[-1] * (math.log(2) - jnp.log1p(jnp.sum(jnp.square(x), axis=-1)))

    def forward_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        return (*shape[:-1], shape[-1] + 1)

    def inverse_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        return (*shape[:-1], shape[-1] - 1)


@biject_to.register(_OnSphere)
def _(constraint: _OnSphere) -> Transform:
    return _Stereographic()


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
        self.direction = jnp.asarray(direction)
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
        y = across / jnp.sqrt(2 * jax.random.gamma(gamma_key, self._parameters[0], shape, dtype))[..., None]
        square = jnp.sum(jnp.square(y), axis=-1, keepdims=True)
        return unit(((1 - square) * self.direction + 2 * y) / (1 + square))

    def log_prob(self, value: Value, intermediates: list | None = None) -> Float[Array, "..."]:
        a, b = self._parameters
        apart = jnp.minimum(jnp.sum(jnp.square(value - self.direction), axis=-1) / 4, _FARTHEST)  # 1 - (1 + mu.z) / 2
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


@nearest.register(UniformOnSphere)
@nearest.register(PowerSpherical)
def _(p: dist.Distribution, z: Value) -> Array:
    return unit(z)


def unit(vector: Value) -> Float[Array, "*batch d"]:
    """Vectors of length 1 that point the same way, and along the first axis where there is hardly one."""
    longest = jax.lax.stop_gradient(jnp.max(jnp.abs(vector), axis=-1, keepdims=True))
    first = jnp.eye(1, jnp.shape(vector)[-1], dtype=longest.dtype)[0]
    whole = jnp.where(longest < _SHORT, first, vector / jnp.maximum(longest, _SHORT))  # whose squares do not overflow
    return whole / jnp.linalg.norm(whole, axis=-1, keepdims=True)
