"""The unit sphere: unit vectors, and a plane that stands for it."""

import math

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike
from jaxtyping import Array, Float
from numpyro.distributions import biject_to, constraints
from numpyro.distributions.constraints import ParameterFreeConstraint
from numpyro.distributions.transforms import ParameterFreeTransform, Transform

from vaex.model import Value

_NEAR = 1e-5  # how far from 1 the length of a vector on the sphere may be
_SHORT = 1e-6


class _OnSphere(ParameterFreeConstraint):
    event_dim = 1

    def __call__(self, x: Value) -> ArrayLike:
        return jnp.abs(jnp.linalg.norm(x, axis=-1) - 1) < _NEAR

    def feasible_like(self, prototype: Value) -> Array:
        return jnp.zeros_like(prototype).at[..., 0].set(1)


ON_SPHERE = _OnSphere()


class _Stereographic(ParameterFreeTransform):
    """A plane onto the sphere from the point -e_1, for which far numbers stand.

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
        first, rest = y[..., :1], y[..., 1:]
        square = jnp.sum(jnp.square(rest), axis=-1, keepdims=True)
        is_there = (first < 0) & (square < _SHORT**2)
        # (1 + z_1) (1 - z_1) is the square of the rest, which has the digits where 1 + z_1 has none.
        behind = rest * (1 - first) / jnp.where(is_there, 1.0, jnp.maximum(square, _SHORT**2))
        found = jnp.where(first < 0, behind, rest / (1 + jnp.maximum(first, 0.0)))
        return jnp.where(is_there, jnp.eye(1, rest.shape[-1], dtype=found.dtype)[0] / _SHORT, found)

    def log_abs_det_jacobian(self, x: Value, y: Value, intermediates: None = None) -> Array:
        return x.shape[-1] * (math.log(2) - jnp.log1p(jnp.sum(jnp.square(x), axis=-1)))

    def forward_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        return (*shape[:-1], shape[-1] + 1)

    def inverse_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        return (*shape[:-1], shape[-1] - 1)


@biject_to.register(_OnSphere)
def _(constraint: _OnSphere) -> Transform:
    return _Stereographic()


def unit(vector: Value) -> Float[Array, "*batch d"]:
    """Vectors of length 1 that point the same way, and along the first axis where there is hardly one."""
    longest = jax.lax.stop_gradient(jnp.max(jnp.abs(vector), axis=-1, keepdims=True))
    first = jnp.eye(1, jnp.shape(vector)[-1], dtype=longest.dtype)[0]
    whole = jnp.where(longest < _SHORT, first, vector / jnp.maximum(longest, _SHORT))  # whose squares do not overflow
    return whole / jnp.linalg.norm(whole, axis=-1, keepdims=True)
