"""The path of annealed importance sampling: its temperatures and the moves at each, found on other examples."""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax.flatten_util import ravel_pytree
from jaxtyping import Array, Float, PRNGKeyArray

from vaex.errors import check_fraction, check_whole
from vaex.inference.particles import IMPOSSIBLE, LEAST_VARIANCE, Moves, bridge, mover
from vaex.inference.space import Space, space
from vaex.inference.target import target
from vaex.model import AnyModel, Example, Latent, num_examples

NUM_LEAPFROG = 5
_GRID = 150  # temperatures of a pilot run
_BURN_IN = 20  # moves at the first of them before it
_GAIN = 0.2  # by which the logarithm of a step size follows the acceptance's excess
_ROUNDS = 2  # pilot runs, each along the temperatures that the one before spaced
_EVEN = 0.05  # the share of temperatures that are spread evenly, so that all rise


class Schedule(NamedTuple):
    """The path's temperatures and what moves a chain at each; the last two are not used for discrete latents."""

    temperatures: Float[Array, " t"]  # rising, the last of them 1
    step_sizes: Float[Array, " t"]  # of the leapfrog integrator, in units of the widths
    variances: Float[Array, "t d"]  # of each number of a position, the masses' inverses


class _Pilot(NamedTuple):
    schedule: Schedule
    spread: Float[Array, " t"]  # the standard deviation of log p(x, z) - log q(z|x) before each temperature


def find_schedule(
    key: PRNGKeyArray,
    model: AnyModel,
    examples: Example,
    *,
    num_temperatures: int = 500,
    num_chains: int = 16,
    target_acceptance: float = 0.65,
    start: str = "posterior",
    num_leapfrog: int = NUM_LEAPFROG,
) -> Schedule:
    """The temperatures, step sizes and masses for a model's paths, by pilots on examples that are not to be answered.

    density of temperatures at t ~ sd_t(log p(x, z) - log q(z|x)),   which keeps the sum of all steps' variances least

    The step size follows the acceptance rate of all chains together along the path, and the masses their variance.

    Args:
        key: a PRNG key.
        model: a model.
        examples: a batch of them, [N, ...]; of a Conditional model Given.
        num_temperatures: of the schedule found; the pilots have 150.
        num_chains: of each example, at least 2.
        target_acceptance: the acceptance rate that the step sizes are for; 0.65 is the best in many dimensions.
        start: as of `ais`.
        num_leapfrog: as of `ais`.

    Returns:
        The schedule, which may serve any other example of the model.

    Raises:
        OptionError: a number out of its range, or another name of a start.
        UsageError: discrete latents without a list of their values.

    Source: Gelman and Meng 1998, section 4.2, for the density; Beskos et al. 2013 for the rate.
    """
    check_whole(num_temperatures=num_temperatures, num_leapfrog=num_leapfrog)
    check_whole(2, num_chains=num_chains)
    check_fraction(target_acceptance=target_acceptance)

    @jax.jit
    def pilot(key: PRNGKeyArray, temperatures: Array) -> _Pilot:
        options = {"start": start, "num_leapfrog": num_leapfrog, "target_acceptance": target_acceptance}
        return _pilot(key, model, examples, temperatures, num_chains=num_chains, **options)

    temperatures = (jnp.arange(1, _GRID + 1) / _GRID) ** 4
    for i in range(_ROUNDS - 1):
        temperatures = _spaced(pilot(jax.random.fold_in(key, i), temperatures), _GRID)
    found = pilot(jax.random.fold_in(key, _ROUNDS), temperatures)
    temperatures = _spaced(found, num_temperatures)
    return _at_temperatures(found.schedule, temperatures)


def move(key: PRNGKeyArray, where: Space, at: Schedule, position: Latent, num_leapfrog: int) -> tuple[Latent, Array]:
    """A move at one temperature, and its acceptance rate."""
    log_density = lambda z: where.log_prior(z) + at.temperatures * where.log_likelihood(z)
    step, init, _ = mover(where, Moves(1, num_leapfrog, at.step_sizes), at.variances)
    state, info = step(key, init(position, log_density), log_density)
    return state.position, jnp.array(1.0) if info is None else info.acceptance_rate


def _pilot(
    key: PRNGKeyArray,
    model: AnyModel,
    examples: Example,
    temperatures: Array,
    *,
    num_chains: int,
    start: str,
    num_leapfrog: int,
    target_acceptance: float,
) -> _Pilot:
    """Chains of all examples side by side, which share what is tuned."""
    n = num_examples(examples)

    def begin(key: PRNGKeyArray, x: Example) -> Latent:
        p = target(model, x)
        return jax.vmap(lambda k: space(p).position(p.start(k, start)))(jax.random.split(key, num_chains))

    def look(x: Example, positions: Latent) -> tuple[Array, Array, Array]:
        """The variances of log p(x, z) - log q(z|x) and of positions among the chains of an example, and which can be.

        Those where p(x, z) is 0 would make the variances infinite; where fewer than two can be, the first is 0, and
        the second is of all that have a position, 0 of fewer than two.
        """
        ratios = jax.vmap(bridge(target(model, x), start).log_likelihood)(positions)
        flat = jax.vmap(lambda z: ravel_pytree(z)[0])(positions).astype(ratios.dtype)
        can_be = jnp.isfinite(ratios) & (ratios > IMPOSSIBLE / 2)
        few = jnp.sum(can_be) < 2
        spread = jnp.where(few, 0.0, jnp.var(ratios, ddof=1, where=can_be))
        used = (can_be | few) & jnp.all(jnp.isfinite(flat), axis=1)
        variance = jnp.where(jnp.sum(used) < 2, 0.0, jnp.var(flat, axis=0, ddof=1, where=used[:, None]))
        return spread, variance, can_be

    def moved(key: PRNGKeyArray, x: Example, positions: Latent, at: Schedule) -> tuple[Latent, Array]:
        one = lambda k, z: move(k, bridge(target(model, x), start), at, z, num_leapfrog)
        return jax.vmap(one)(jax.random.split(key, num_chains), positions)

    def step(carry: tuple[Latent, Array], turn: tuple[Array, Array]) -> tuple[tuple[Latent, Array], _Pilot]:
        (positions, log_size), (key, t) = carry, turn
        spreads, variances, can_be = jax.vmap(look)(examples, positions)
        width = jnp.sum(variances, axis=0) / jnp.maximum(jnp.sum(variances > 0, axis=0), 1)
        width = jnp.maximum(width, LEAST_VARIANCE)
        at = Schedule(t, jnp.exp(log_size), width)
        positions, rates = jax.vmap(moved, (0, 0, 0, None))(jax.random.split(key, n), examples, positions, at)
        excess = jnp.sum(jnp.where(can_be, rates - target_acceptance, 0.0)) / jnp.maximum(jnp.sum(can_be), 1)
        spread = jnp.sum(spreads) / jnp.maximum(jnp.sum(jnp.sum(can_be, axis=1) > 1), 1)
        return (positions, log_size + _GAIN * excess), _Pilot(at, jnp.sqrt(spread))

    start_key, key = jax.random.split(key)
    positions = jax.vmap(begin)(jax.random.split(start_key, n), examples)
    path = jnp.concatenate([jnp.full(_BURN_IN, temperatures[0]), temperatures])
    keys = jax.random.split(key, len(path))
    _, found = jax.lax.scan(step, (positions, jnp.log(0.5)), (keys, path))
    return jax.tree.map(lambda column: column[_BURN_IN:], found)


@functools.partial(jax.jit, static_argnums=1)
def _spaced(pilot: _Pilot, num: int) -> Array:
    """Temperatures between which the path is equally long, the integral of the spread over t."""
    t = jnp.concatenate([jnp.zeros(1), pilot.schedule.temperatures])
    lengths = jnp.diff(t) * pilot.spread  # of each step the spread where it begins
    share = jnp.cumsum(lengths) / jnp.maximum(jnp.sum(lengths), jnp.finfo(t.dtype).tiny)
    passed = jnp.concatenate([jnp.zeros(1), (1 - _EVEN) * share]) + _EVEN * t
    return jnp.interp(jnp.arange(1, num + 1) / num * passed[-1], passed, t).at[-1].set(1.0)


@jax.jit
def _at_temperatures(found: Schedule, temperatures: Array) -> Schedule:
    """A schedule at other temperatures, step sizes and variances between those found, in their logarithms."""
    between = lambda values: jnp.exp(jnp.interp(temperatures, found.temperatures, jnp.log(values)))
    return Schedule(temperatures, between(found.step_sizes), jax.vmap(between, 1, 1)(found.variances))
