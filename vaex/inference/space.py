"""Where inference moves: free numbers that stand for continuous latents, or the codes of discrete ones."""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from vaex.distributions.abilities import is_discrete
from vaex.distributions.sites import sites
from vaex.distributions.supports import coordinates
from vaex.inference.target import Target
from vaex.losses.arithmetic import where_possible
from vaex.model import Latent

_NUM_DRAWS = 10  # from p(z), of which one will do


class Space(NamedTuple):
    """Positions that stand for z, and the log-densities over them, in nats."""

    log_prior: Callable[[Latent], Float[Array, ""]]  # of a position
    log_likelihood: Callable[[Latent], Float[Array, ""]]
    value: Callable[[Latent], Latent]  # position -> z
    position: Callable[[Latent], Latent]  # and back
    log_det: Callable[[Latent], Float[Array, ""]]  # log |dz / dposition|, which a density over positions has beside
    num_values: tuple[int, ...] | None  # of each discrete variable; None of continuous latents

    def log_joint(self, position: Latent) -> Float[Array, ""]:
        """Log p(x, z) of a position, in nats."""
        log_pz = self.log_prior(position)
        return where_possible(self.log_likelihood(position), log_pz) + log_pz


def space(p: Target) -> Space:
    """Of the latents of a model.

    Raises:
        UsageError: discrete ones without a list of their values, or continuous ones that no free numbers stand for.
    """
    if is_discrete(p.prior):
        found = sites(p.prior)
        none = lambda codes: jnp.array(0.0)
        return _of(p, found.value, found.codes, none, found.num_values)
    return _of(p, *coordinates(p.prior), None)


def start_within_support(key: PRNGKeyArray, other_key: PRNGKeyArray, p: Target, start: str) -> Latent:
    """Where a chain may begin: p.start, or where p(x, z) is 0 there the first of ten draws from p(z) where it is not.

    From outside of the support no step leads back, since every place beside is as impossible.
    """
    where = space(p)
    z = p.start(key, start)
    drawn = p.prior.sample(other_key, (_NUM_DRAWS,))
    both = jax.tree.map(lambda one, more: jnp.concatenate([one[None], more.astype(one.dtype)]), z, drawn)
    positions = jax.vmap(where.position)(both)
    first = jnp.argmax(jnp.isfinite(jax.vmap(where.log_joint)(positions)))  # z itself if it is nowhere above 0
    return jax.tree.map(lambda leaf: leaf[first], positions)


def _of(p: Target, value: Callable, position: Callable, log_det: Callable, num_values: tuple[int, ...] | None) -> Space:
    def log_prior(at: Latent) -> Float[Array, ""]:
        log_pz = p.log_prior(value(at))
        return jnp.where(log_pz == -jnp.inf, -jnp.inf, log_pz + log_det(at))  # the position of no z is nan

    return Space(log_prior, lambda at: p.log_likelihood(value(at)), value, position, log_det, num_values)
