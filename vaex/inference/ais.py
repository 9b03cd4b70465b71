"""Annealed importance sampling: chains from q(z|x) or p(z) to p(z|x), and back, which bracket log p(x)."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, PRNGKeyArray

from vaex import bounds
from vaex.errors import check_whole
from vaex.inference.ais_schedule import NUM_LEAPFROG, Schedule, move
from vaex.inference.ais_schedule import find_schedule as find_schedule
from vaex.inference.importance import Weighted
from vaex.inference.iterate import iterate
from vaex.inference.method import Method
from vaex.inference.particles import IMPOSSIBLE, bridge, check_temperatures
from vaex.inference.space import Space, space
from vaex.inference.target import Target, target
from vaex.model import AnyModel, Example, Latent


class Annealed(NamedTuple):
    """The state of a chain, whose weighted z stands for q(z|x)^(1 - t) p(x, z)^t."""

    target: Target
    position: Latent  # in the space of z
    step: Int[Array, "*batch"]  # how many temperatures are passed
    log_w: Float[Array, "*batch"]  # exp of it is unbiased for the integral of q(z|x)^(1 - t) p(x, z)^t

    @property
    def z(self) -> Latent:
        """Where the chain is; of one chain."""
        return space(self.target).value(self.position)


class Info(NamedTuple):
    """What is worth knowing of one temperature."""

    temperature: Float[Array, "*batch"]
    acceptance_rate: Float[Array, "*batch"]  # 1 of discrete latents


def ais(schedule: Schedule, *, start: str = "posterior", num_leapfrog: int = NUM_LEAPFROG) -> Method:
    """Annealed importance sampling, a chain of z along a path, weighed and moved at each temperature.

    f_t(z) = q(z|x)^(1 - t) p(x, z)^t,   log w = sum_k (t_k - t_{k-1}) (log p(x, z_{k-1}) - log q(z_{k-1}|x)),
    z_0 ~ q(z|x),   z_k ~ a kernel that leaves f_{t_k} invariant

    exp(log w) is unbiased for p(x), if q(z|x) is nowhere 0 where p(z|x) is not, and so log w on average is below
    log p(x). The kernel is Hamiltonian Monte Carlo by blackjax, of discrete latents a sweep of Gibbs sampling.

    Args:
        schedule: of a `find_schedule` of other examples, or one's own: it must not depend on these chains.
        start: where the path begins: "posterior", q(z|x), or "prior", p(z) in its place.
        num_leapfrog: the gradients of a move.

    Returns:
        The method, of as many steps as there are temperatures.

    Raises:
        OptionError: a number out of its range, temperatures that do not rise from above 0 to 1, or in init another
            name of a start.
        UsageError: discrete latents without a list of their values, in init.

    Source: Neal 2001; from q(z|x), Ding and Freedman 2019.
    """
    _check(schedule, num_leapfrog)

    def init(key: PRNGKeyArray, model: AnyModel, x: Example) -> Annealed:
        p = target(model, x)
        return Annealed(p, space(p).position(p.start(key, start)), jnp.array(0), jnp.array(0.0))

    def step(key: PRNGKeyArray, state: Annealed) -> tuple[Annealed, Info]:
        where, k = bridge(state.target, start), state.step
        log_w = state.log_w + _increment(where, schedule, k, state.position)
        position, rate = move(key, where, _at(schedule, k), state.position, num_leapfrog)
        return Annealed(state.target, position, k + 1, log_w), Info(schedule.temperatures[k], rate)

    return Method(init, step)


def chains(
    key: PRNGKeyArray,
    model: AnyModel,
    x: Example,
    *,
    schedule: Schedule,
    num_chains: int = 16,
    start: str = "posterior",
    num_leapfrog: int = NUM_LEAPFROG,
) -> tuple[Annealed, Info]:
    """Chains of one example at their ends, [K], and the info of all temperatures, [K, T].

    Raises:
        OptionError, UsageError: as of `ais`.
    """
    check_whole(num_chains=num_chains)
    method = ais(schedule, start=start, num_leapfrog=num_leapfrog)

    def one(key: PRNGKeyArray) -> tuple[Annealed, Info]:
        init_key, key = jax.random.split(key)
        return iterate(key, method, method.init(init_key, model, x), num_steps=len(schedule.temperatures))

    return jax.vmap(one)(jax.random.split(key, num_chains))


def anneal(key: PRNGKeyArray, model: AnyModel, x: Example, *, schedule: Schedule, **options: Any) -> Weighted:
    """Weighted draws from p(z|x), one a chain, whose log_likelihood is the estimate of log p(x).

    Args:
        key: a PRNG key.
        model: a model.
        x: one example; for a Conditional model a Given.
        schedule: as of `ais`.
        **options: of `chains`.

    Raises:
        OptionError, UsageError: as of `ais`.
    """
    states, _ = chains(key, model, x, schedule=schedule, **options)
    return Weighted(jax.vmap(space(target(model, x)).value)(states.position), states.log_w)


def reverse(
    key: PRNGKeyArray,
    model: AnyModel,
    x: Example,
    z: Latent,
    *,
    schedule: Schedule,
    num_chains: int = 16,
    start: str = "posterior",
    num_leapfrog: int = NUM_LEAPFROG,
) -> Float[Array, " k"]:
    """Log-weights of the path walked backwards from an exact draw of p(z|x), as there is one of x ~ p(x|z), z ~ p(z).

    exp(-log w) is unbiased for 1 / p(x), and so log w on average is above log p(x); of several chains `upper_bound`.
    Of a q(z|x) that reaches beyond p(z), as a normal one beyond a uniform, it is so for 1 / p(x) times the share of q
    within, a gap that more temperatures do not close.

    Args:
        key: a PRNG key.
        model: a model.
        x: one example; for a Conditional model a Given.
        z: a draw from p(z|x), where all chains begin.
        schedule: as of `ais`, in the order of `ais`.
        num_chains: K.
        start: where the path ends: "posterior", q(z|x), or "prior".
        num_leapfrog: the gradients of a move.

    Returns:
        Nats, [K]; inf where q(z|x) is 0 at z, which no path from it reaches.

    Raises:
        OptionError, UsageError: as of `ais`.

    Source: Grosse, Ghahramani and Adams 2015, bidirectional Monte Carlo.
    """
    check_whole(num_chains=num_chains)
    _check(schedule, num_leapfrog)
    p = target(model, x)
    where = bridge(p, start)
    first = where.position(z)

    def back(state: tuple[Latent, Array], turn: tuple[Array, Array]) -> tuple[tuple[Latent, Array], None]:
        (position, log_w), (key, k) = state, turn
        position, _ = move(key, where, _at(schedule, k), position, num_leapfrog)
        return (position, log_w + _increment(where, schedule, k, position)), None

    is_out_of_reach = where.log_prior(first) == -jnp.inf  # of any path from the start: its weight has no bound

    def one(key: PRNGKeyArray) -> Array:
        order = jnp.arange(len(schedule.temperatures))[::-1]
        log_w = jax.lax.scan(back, (first, jnp.array(0.0)), (jax.random.split(key, len(order)), order))[0][1]
        return jnp.where(is_out_of_reach, jnp.inf, log_w)

    return jax.vmap(one)(jax.random.split(key, num_chains))


def upper_bound(log_w: Float[Array, " k"]) -> Float[Array, ""]:
    """Of the log-weights of reverse chains: -log 1/K sum_k 1 / w_k, on average above log p(x)."""
    return -bounds.iwae(-log_w)


def _increment(where: Space, schedule: Schedule, k: Array, position: Latent) -> Array:
    before = jnp.where(k == 0, 0.0, schedule.temperatures[k - 1])
    log_likelihood = where.log_likelihood(position)
    return jnp.where(log_likelihood <= IMPOSSIBLE, -jnp.inf, (schedule.temperatures[k] - before) * log_likelihood)


def _at(schedule: Schedule, k: Array) -> Schedule:
    return jax.tree.map(lambda column: column[k], schedule)


def _check(schedule: Schedule, num_leapfrog: int) -> None:
    check_whole(num_leapfrog=num_leapfrog)
    check_temperatures(schedule.temperatures)
