"""Gibbs sampling of discrete latents: each variable in turn from its conditional given all others."""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Int, PRNGKeyArray

from vaex.distributions.sites import sites
from vaex.inference.chain import Info
from vaex.inference.method import Method
from vaex.inference.space import space, start_within_support
from vaex.inference.target import Target, target
from vaex.model import AnyModel, Example, Latent


class GibbsState(NamedTuple):
    """The state of a Gibbs chain."""

    target: Target
    codes: Int[Array, "*batch n"]  # of the value of each variable

    @property
    def z(self) -> Latent:
        """Where the chain is; of one chain."""
        return space(self.target).value(self.codes)


def gibbs(*, start: str = "posterior") -> Method:
    """Gibbs sampling of p(z|x), a sweep over all variables of z a step.

    z_i ~ p(z_i|z_-i, x) = p(x, z_i, z_-i) / sum_v p(x, z_i = v, z_-i)   for each i in turn

    Args:
        start: "posterior", a draw from q(z|x), or "prior"; where p(x, z) is 0 there, another from p(z).

    Returns:
        The method, for one-hot, binary or categorical latents, arrays of them, and the latent nodes of a graph. A step
        decodes once for each value of each variable.

    Raises:
        OptionError: start is neither.
        UsageError: a latent that has no list of its values, in init.

    Source: Geman and Geman 1984.
    """

    def init(key: PRNGKeyArray, model: AnyModel, x: Example) -> GibbsState:
        p = target(model, x)
        sites(p.prior)  # where there are none it says so
        start_key, other_key = jax.random.split(key)
        return GibbsState(p, start_within_support(start_key, other_key, p, start))

    def step(key: PRNGKeyArray, state: GibbsState) -> tuple[GibbsState, Info]:
        num_values = sites(state.target.prior).num_values
        moved = state._replace(codes=sweep(key, state.codes, space(state.target).log_joint, num_values))
        return moved, Info(jnp.array(1.0), jnp.array(False))

    return Method(init, step)


def sweep(
    key: PRNGKeyArray, codes: Int[Array, " n"], log_density: Callable, num_values: tuple[int, ...]
) -> Int[Array, " n"]:
    """Each variable in turn drawn from its conditional.

    Args:
        key: a PRNG key.
        codes: of the values of N variables.
        log_density: codes -> the log-density of all of them, in nats, up to a constant.
        num_values: how many values each variable has.

    Returns:
        The codes after one sweep.
    """
    sizes, candidates = jnp.asarray(num_values), jnp.arange(max(num_values))

    def one(codes: Array, turn: tuple[Array, Array]) -> tuple[Array, None]:
        i, key = turn
        log_p = jax.vmap(lambda code: log_density(codes.at[i].set(code)))(jnp.minimum(candidates, sizes[i] - 1))
        log_p = jnp.where(candidates < sizes[i], log_p, -jnp.inf)
        return codes.at[i].set(jax.random.categorical(key, log_p).astype(codes.dtype)), None

    turns = jnp.arange(len(num_values)), jax.random.split(key, len(num_values))
    return jax.lax.scan(one, codes, turns)[0]
