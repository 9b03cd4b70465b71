"""Sequential Monte Carlo from the prior to the posterior, along p(z) p(x|z)^t."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from vaex.errors import UsageError, check_fraction, check_positive, check_whole
from vaex.inference.importance import Weighted
from vaex.inference.kernels import blackjax
from vaex.inference.method import Method
from vaex.inference.particles import (
    MOVES,
    Info,
    Moves,
    Particles,
    bridge,
    check_temperatures,
    moved,
    mover,
    resampled,
    started,
    variances,
)
from vaex.inference.space import space
from vaex.inference.target import target
from vaex.model import AnyModel, Example

_MOST_STEPS = 500


class Schedule(NamedTuple):
    """The temperatures of the likelihood, and how wide the particles lie before each."""

    temperatures: Float[Array, " t"]  # rising, the last of them 1
    variances: Float[
        Array, "t d"
    ]  # of each number of a position, the masses' inverses of HMC; not used for discrete ones


def smc(schedule: Schedule, *, num_particles: int = 1000, moves: Moves = MOVES) -> Method:
    """Annealed particles: resampled, moved at one temperature, and weighed for the next.

    Z_t / Z_t-1 ~ 1/N sum_n p(x|z_n)^(t - t'),   log p(x) ~ sum_t log of these

    Args:
        schedule: the temperatures, as from `find_schedule` with another key: one that does not depend on these
            particles leaves exp of the estimate unbiased for p(x).
        num_particles: N.
        moves: what moves them, at least 1 of them.

    Returns:
        The method, of as many steps as there are temperatures; `weighted` reads its state, `anneal` runs it.

    Raises:
        OptionError: a number out of its range, or temperatures that do not rise from above 0 to 1.
        UsageError: discrete latents without a list of their values, in init.

    Source: Neal 2001; Del Moral, Doucet and Jasra 2006.
    """
    _check(num_particles, moves)
    check_temperatures(schedule.temperatures)

    def init(key: PRNGKeyArray, model: AnyModel, x: Example) -> Particles:
        return started(key, target(model, x), num_particles)

    def step(key: PRNGKeyArray, state: Particles) -> tuple[Particles, Info]:
        tools, where = blackjax(), bridge(state.target, "prior")
        kernel = tools.smc.tempered.build_kernel(*where[:2], *mover(where, moves, schedule.variances[state.step]))
        temperature = schedule.temperatures[state.step]
        found, info = kernel(key, state.kernel, moves.num_moves, temperature, {})
        return moved(state, where, found, info)

    return Method(init, step)


def anneal(
    key: PRNGKeyArray,
    model: AnyModel,
    x: Example,
    *,
    schedule: Schedule,
    num_particles: int = 1000,
    moves: Moves = MOVES,
) -> Weighted:
    """All temperatures of `smc`: weighted draws from p(z|x), whose log_likelihood is the estimate of log p(x).

    Raises:
        OptionError, UsageError: as of `smc`.
    """
    method = smc(schedule, num_particles=num_particles, moves=moves)
    init_key, *keys = jax.random.split(key, len(schedule.temperatures) + 1)
    state = method.init(init_key, model, x)
    return weighted(jax.lax.scan(lambda s, k: method.step(k, s), state, jnp.stack(keys))[0])


def weighted(state: Particles) -> Weighted:
    """The particles of one example as weighted draws, the average of whose weights is the estimate of Z_t."""
    log_w = jnp.log(state.kernel.weights) + jnp.log(len(state.kernel.weights)) + state.log_likelihood
    return Weighted(jax.vmap(space(state.target).value)(state.kernel.particles), log_w, state.squared_error)


def find_schedule(
    key: PRNGKeyArray,
    model: AnyModel,
    x: Example,
    *,
    num_particles: int = 500,
    target_share: float = 0.5,
    moves: Moves = MOVES,
) -> Schedule:
    """The temperatures at which the weights keep a share of their effective sample size, in a pilot; outside jit.

    ESS(t | t') = target_share N

    Args:
        key: a PRNG key, another than that of the run that uses the schedule.
        model: a model.
        x: one example; for a Conditional model a Given.
        num_particles: N of the pilot.
        target_share: above 0 and below 1; a larger one makes more temperatures.
        moves: what moves the particles.

    Returns:
        The schedule, which may serve other examples of the model, too.

    Raises:
        OptionError: a number out of its range.
        UsageError: more than 500 temperatures are needed.

    Source: Jasra, Stephens, Doucet and Tsagaris 2011, adaptive tempering.
    """
    _check(num_particles, moves)
    check_fraction(target_share=target_share)
    p = target(model, x)

    @jax.jit
    def step(key: PRNGKeyArray, state: Particles) -> tuple[tuple[Particles, Info], Array]:
        key, resample_key = jax.random.split(key)
        where, width = bridge(p, "prior"), variances(state)
        moved_by = mover(where, moves, width)
        kernel = blackjax().smc.adaptive_tempered.build_kernel(*where[:2], *moved_by, target_share)
        return moved(state, where, *kernel(key, resampled(resample_key, state), moves.num_moves, {})), width

    state, temperature, passed = started(jax.random.fold_in(key, 0), p, num_particles), 0.0, []
    for i in range(_MOST_STEPS):
        (state, info), width = step(jax.random.fold_in(key, i + 1), state)
        passed.append((info.temperature, width))
        if (temperature := float(info.temperature)) >= 1:
            return Schedule(*(jnp.stack(column) for column in zip(*passed, strict=True)))
    raise UsageError(
        f"the temperature is {temperature:.2g} after {_MOST_STEPS} steps: expected 1; lower target_share, "
        "or look whether p(x|z) is above 0 for draws from the prior"
    )


def _check(num_particles: int, moves: Moves) -> None:
    check_whole(num_particles=num_particles, num_moves=moves.num_moves, num_leapfrog=moves.num_leapfrog)
    check_positive(step_size=moves.step_size)
