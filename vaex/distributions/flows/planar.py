"""Planar flows: each step pushes along one direction, as far as a hyperplane's distance says."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from vaex.distributions.flows.flow import Bijection
from vaex.model import Params

_LEAST = 1e-3  # of 1 + u.w, so that the log-determinant stays finite
_NUM_BISECTIONS = 30


def planar(latent_dim: int, num_flows: int) -> Bijection:
    """Planar steps f(z) = z + u tanh(w.z + b), their u, w and b all from the context: there are no parameters.

    log |det df/dz| = log(1 + (u.w) (1 - tanh(w.z + b)^2)),   where u.w > -1 makes f invertible

    The inverse has no closed form: w.z is the root of an increasing function of one variable.

    Args:
        latent_dim: d.
        num_flows: K steps; the context is K times [u, w, b], [K (2d + 1)]. A context of zeros is the identity.

    Source: Rezende and Mohamed 2015, equations 10 to 12 and appendix A.1.
    """

    def steps(context: Float[Array, " c"]) -> tuple[Array, Array, Array, Array]:
        u, w, b = jnp.split(context.reshape(num_flows, 2 * latent_dim + 1), [latent_dim, 2 * latent_dim], axis=1)
        return *jax.vmap(_invertible)(u, w), w, b[:, 0]

    def forward(params: Params, context: Array, z: Array) -> tuple[Array, Array]:
        def step(z: Array, given: tuple[Array, Array, Array, Array]) -> tuple[Array, Array]:
            u, uw, w, b = given
            height = jnp.tanh(w @ z + b)
            return z + u * height, jnp.log1p(uw * (1 - height**2))

        z, log_dets = jax.lax.scan(step, z, steps(context))
        return z, jnp.sum(log_dets)

    def inverse(params: Params, context: Array, z: Array) -> tuple[Array, Array]:
        def step(z: Array, given: tuple[Array, Array, Array, Array]) -> tuple[Array, Array]:
            u, uw, w, b = given
            height = jnp.tanh(_root(w @ z + b, uw))
            return z - u * height, jnp.log1p(uw * (1 - height**2))

        z, log_dets = jax.lax.scan(step, z, steps(context), reverse=True)
        return z, jnp.sum(log_dets)

    return Bijection(lambda key: {}, forward, inverse)


def _invertible(u: Float[Array, " d"], w: Float[Array, " d"]) -> tuple[Float[Array, " d"], Float[Array, ""]]:
    """Move u along w until u.w > -1: the paper's appendix A.1, with its softplus shifted so that u = 0 stays 0.

    Beside u it gives u.w, which the product of the rounded vectors would have below -1 where they are large.
    """
    uw, square = u @ w, w @ w
    allowed = _LEAST - 1 + jax.nn.softplus(uw + jnp.log(jnp.expm1(1 - _LEAST)))
    return u + (allowed - uw) * w / jnp.maximum(square, 1e-12), allowed


@jax.custom_jvp
def _root(y: Float[Array, ""], c: Float[Array, ""]) -> Float[Array, ""]:
    """The a with a + c tanh(a) = y, for c > -1: bisection, then one Newton step."""

    def halve(i: Array, interval: tuple[Array, Array]) -> tuple[Array, Array]:
        low, high = interval
        middle = (low + high) / 2
        below = middle + c * jnp.tanh(middle) < y
        return jnp.where(below, middle, low), jnp.where(below, high, middle)

    reach = jnp.abs(c)
    low, high = jax.lax.fori_loop(0, _NUM_BISECTIONS, halve, (y - reach, y + reach))
    a = (low + high) / 2
    height = jnp.tanh(a)
    return a - (a + c * height - y) / (1 + c * (1 - height**2))


@_root.defjvp
def _root_jvp(primals: tuple[Array, Array], tangents: tuple[Array, Array]) -> tuple[Array, Array]:
    """da (1 + c (1 - tanh(a)^2)) + tanh(a) dc = dy, at a root that moves, so that its own derivatives are right too."""
    a, c = _root(*primals), primals[1]
    height = jnp.tanh(a)
    return a, (tangents[0] - height * tangents[1]) / (1 + c * (1 - height**2))
