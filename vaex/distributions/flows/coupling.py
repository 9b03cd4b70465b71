"""Coupling flows: one half of the dimensions tells how each dimension of the other is moved."""

from collections.abc import Callable
from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Float

from vaex.distributions.flows.conditioner import Conditioner
from vaex.distributions.flows.flow import Bijection
from vaex.errors import OptionError
from vaex.model import Params, Raw


class Elementwise(NamedTuple):
    """A family of increasing functions of one variable, each given by n numbers; n zeros give the identity."""

    num_params: int  # n
    forward: Callable[[Array, Array], tuple[Array, Array]]  # (theta [n, d], z [d]) -> y [d], log dy/dz [d]
    inverse: Callable[[Array, Array], tuple[Array, Array]]  # (theta [n, d], y [d]) -> z [d], log dy/dz [d]


def affine() -> Elementwise:
    """The functions y = z exp(s) + t, with s kept within +-2.

    Source: Dinh et al. 2017, section 3.2.
    """

    def parts(theta: Float[Array, "2 d"]) -> tuple[Array, Array]:
        return 2 * jnp.tanh(theta[0] / 2), theta[1]

    def forward(theta: Float[Array, "2 d"], z: Float[Array, " d"]) -> tuple[Array, Array]:
        s, t = parts(theta)
        return z * jnp.exp(s) + t, s

    def inverse(theta: Float[Array, "2 d"], y: Float[Array, " d"]) -> tuple[Array, Array]:
        s, t = parts(theta)
        return (y - t) * jnp.exp(-s), s

    return Elementwise(2, forward, inverse)


def coupling(
    latent_dim: int,
    hidden: tuple[int, ...],
    activation: Callable,
    *,
    elementwise: Elementwise,
    context_dim: int,
    reverse: bool,
) -> Bijection:
    """A step that keeps half of z and moves the other half elementwise, by a network of the kept half and the context.

    f(z) = [a, g(b; network(a, context))],   z = [a, b]

    Starts as the identity; its inverse has a closed form.

    Args:
        latent_dim: d, at least 2.
        hidden: the widths of the network's hidden layers.
        activation: their nonlinearity.
        elementwise: g.
        context_dim: the size of the context; 0 for none.
        reverse: whether b is the first half instead, as in every second step.

    Raises:
        OptionError: one dimension, which has no halves.

    Source: Dinh et al. 2017, section 3.2.
    """
    if latent_dim < 2:
        raise OptionError("latent_dim", latent_dim, "at least 2, since a coupling flow splits z in two")
    first = latent_dim // 2
    moved = slice(0, first) if reverse else slice(first, latent_dim)
    kept = slice(first, latent_dim) if reverse else slice(0, first)
    width, kept_dim = moved.stop - moved.start, kept.stop - kept.start
    network = Conditioner(hidden, elementwise.num_params * width, activation)

    def init(key: Array) -> Params:
        return network.init(key, jnp.zeros(kept_dim), jnp.zeros(context_dim))

    def apply(g: Callable, params: Params, context: Array, z: Array) -> tuple[Array, Array]:
        theta: Raw = network.apply(params, z[kept], context)
        out, log_slope = g(theta.reshape(elementwise.num_params, width), z[moved])
        halves = (out, z[kept]) if reverse else (z[kept], out)
        return jnp.concatenate(halves), jnp.sum(log_slope)

    return Bijection(
        init,
        forward=lambda params, context, z: apply(elementwise.forward, params, context, z),
        inverse=lambda params, context, z: apply(elementwise.inverse, params, context, z),
    )
