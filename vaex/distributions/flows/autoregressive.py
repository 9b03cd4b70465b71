"""Inverse autoregressive flows: the dimensions before one tell how it is scaled and shifted."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jaxtyping import Array

from vaex.distributions.flows.conditioner import Conditioner, autoregressive_masks
from vaex.distributions.flows.flow import Bijection
from vaex.model import Params, Raw

_GATE = 2.0  # where s starts: near the identity, as the source advises


def inverse_autoregressive(
    latent_dim: int, hidden: tuple[int, ...], activation: Callable, *, context_dim: int, reverse: bool
) -> Bijection:
    """A step f(z)_i = g_i z_i + (1 - g_i) m_i, g = sigmoid(s), with m_i and s_i from z_1 to z_{i-1} and the context.

    log |det df/dz| = sum_i log g_i

    The inverse takes d passes, one for each dimension.

    Args:
        latent_dim: d.
        hidden: the widths of the network's hidden layers.
        activation: their nonlinearity.
        context_dim: the size of the context.
        reverse: whether the order of the dimensions is reversed, as in every second step.

    Source: Kingma et al. 2016, algorithm 1.
    """
    network = Conditioner(
        hidden,
        2 * latent_dim,
        activation,
        autoregressive_masks(latent_dim, hidden, 2, reverse=reverse),
        out_bias=lambda key, shape, dtype=jnp.float32: jnp.zeros(shape, dtype).at[latent_dim:].set(_GATE),
    )

    def init(key: Array) -> Params:
        return network.init(key, jnp.zeros(latent_dim), jnp.zeros(context_dim))

    def shift_and_gate(params: Params, context: Array, z: Array) -> tuple[Array, Array]:
        out: Raw = network.apply(params, z, context)
        return out[:latent_dim], out[latent_dim:]

    def forward(params: Params, context: Array, z: Array) -> tuple[Array, Array]:
        m, s = shift_and_gate(params, context, z)
        gate = jax.nn.sigmoid(s)
        return m + gate * (z - m), jnp.sum(jax.nn.log_sigmoid(s))

    def inverse(params: Params, context: Array, z: Array) -> tuple[Array, Array]:
        def solve_next(before: Array, _: None) -> tuple[Array, None]:
            m, s = shift_and_gate(params, context, before)
            return m + (z - m) / jax.nn.sigmoid(s), None

        before, _ = jax.lax.scan(solve_next, jnp.zeros_like(z), length=latent_dim)
        return before, forward(params, context, before)[1]

    return Bijection(init, forward, inverse)
