"""Log-densities of a batch's draws under the posteriors of all of its examples, of those and of their marginals."""

import functools
import math
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from vaex.distributions.abilities import normal_parameters
from vaex.objectives.terms import needed_factors

_PAIRS = 2**17  # of draws and posteriors, times dimensions, that are held at a time: half a MiB
_LEAST = 1e-37  # a sum of densities that is kept from zero
# By default a GPU would round the factors of a product to ten bits, of which the differences below keep none.
_product = functools.partial(jnp.einsum, precision=jax.lax.Precision.HIGHEST)


class Densities(NamedTuple):
    """Of a draw from each of M posteriors, whose dimensions are independent; in nats."""

    own: Float[Array, " m"]  # log q(z_i|x_i)
    joint: Float[Array, " m"]  # log sum_m q(z_i|x_m)
    marginals: Float[Array, " m"]  # sum_j log sum_m q(z_ij|x_m)


def densities(qs: Any, z: Float[Array, "m d"]) -> Densities:
    """The densities of each draw under its own posterior, and under the sum of all.

    Those of normal posteriors are found by matrix products, around the mean c of the posteriors' means, so that where
    two examples have all but the same posterior, float32 may be off by about 1e-7 sum_j (mu_j - c_j)^2 / sigma_j^2
    nats. The density of a draw under its own posterior, which as a rule outweighs the others, is exact.

    Args:
        qs: the posteriors, as jax.vmap makes them.
        z: a draw of each.

    Raises:
        UsageError: a posterior that does not factorize.
    """
    own = jax.vmap(lambda q, z: jnp.sum(needed_factors(q).log_prob(z)))(qs, z)
    known = jax.vmap(lambda q: normal_parameters(needed_factors(q)))(qs)
    if known is None:
        pairs = jax.vmap(lambda q: jax.vmap(needed_factors(q).log_prob)(z))(qs)  # log q(z_ij|x_m): [m, i, j]
        joint = jax.nn.logsumexp(jnp.sum(pairs, axis=-1), axis=0)
        return Densities(own, joint, jnp.sum(jax.nn.logsumexp(pairs, axis=0), axis=-1))
    mean, sigma = (jnp.broadcast_to(a.reshape(len(z), -1), z.shape) for a in known)
    centre = jax.lax.stop_gradient(jnp.mean(mean, axis=0))
    return Densities(own, _joint(own, z - centre, mean - centre, sigma), _marginals(z - centre, mean - centre, sigma))


def _joint(own: Float[Array, " m"], z: Array, mean: Array, sigma: Array) -> Float[Array, " m"]:
    """sum_j (z_ij - mu_mj)^2 / sigma_mj^2 = sum_j z_ij^2 p_mj - 2 sum_j z_ij (p mu)_mj + sum_j (p mu^2)_mj."""
    precision = sigma**-2
    cross = _product("ij,mj->im", z, -2 * precision * mean)
    squares = _product("ij,mj->im", z**2, precision) + cross + jnp.sum(precision * mean**2, axis=-1)
    pairs = -jnp.maximum(squares, 0.0) / 2 - jnp.sum(jnp.log(sigma), axis=-1) - z.shape[-1] * math.log(2 * math.pi) / 2
    return jax.nn.logsumexp(jnp.where(jnp.eye(len(z), dtype=bool), own[:, None], pairs), axis=1)


def _marginals(z: Array, mean: Array, sigma: Array) -> Float[Array, " m"]:
    """A few dimensions at a time, which going back are computed again.

    log sum_m q(z_ij|x_m) = log sum_m (s_j / sigma_mj) exp(-u_imj^2 / 2) - log s_j - log(2 pi) / 2,
    u_imj = (z_ij - mu_mj) / sigma_mj,   s_j = min_m sigma_mj

    No summand is above 1, and that of its own posterior does not vanish: the sum needs no largest one taken out. Sums
    over pairs are matrix products, in either direction, since a CPU is slow at any other.
    """
    m, d = z.shape
    few = min(d, max(1, _PAIRS // m**2))
    least = jnp.broadcast_to(jnp.min(sigma, axis=0), z.shape)
    others = 1.0 - jnp.eye(m)

    def some(dimensions: tuple[Array, Array, Array, Array]) -> Float[Array, "few m"]:
        z, mean, sigma, least = dimensions
        ends = jnp.stack([z, jnp.ones_like(z)], axis=-1), jnp.stack([1 / sigma, -mean / sigma], axis=1)
        u = _product("jia,jam->jim", *ends)
        height, own = least / sigma, jnp.exp(-(((z - mean) / sigma) ** 2) / 2)
        total = _product("jim,jm->ji", others * jnp.exp(-(u**2) / 2), height) + height * own
        return jnp.log(total + _LEAST) - jnp.log(least)

    # Dimensions that are wanting in the last few are of ones, and left out again.
    split = lambda a: jnp.pad(a.T, ((0, -d % few), (0, 0)), constant_values=1.0).reshape(-1, few, m)
    each = jax.lax.map(jax.checkpoint(some), tuple(map(split, (z, mean, sigma, least))))
    return jnp.sum(each.reshape(-1, m)[:d], axis=0) - d * math.log(2 * math.pi) / 2
