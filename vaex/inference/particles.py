"""Particles that stand for p(z) p(x|z)^t, and how they move, by blackjax's kernels."""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jax.flatten_util import ravel_pytree
from jaxtyping import Array, Float, Int, PRNGKeyArray

from vaex.distributions.shapes import log_density
from vaex.errors import OptionError
from vaex.inference.gibbs import sweep
from vaex.inference.importance import effective_sample_size, squared_error
from vaex.inference.kernels import blackjax
from vaex.inference.method import State, StepInfo
from vaex.inference.space import Space, space
from vaex.inference.target import Target
from vaex.model import Latent

LEAST_VARIANCE = 1e-30  # of particles that are all one, so that masses are finite: in any unit it is nothing
IMPOSSIBLE = -1e30  # nats, of what cannot be: -inf times a temperature of 0 would be nan


class Moves(NamedTuple):
    """How particles move at one temperature: by HMC, and discrete ones by sweeps of Gibbs sampling."""

    num_moves: int = 3
    num_leapfrog: int = 5  # of HMC, whose masses are the particles' own
    step_size: float | Float[Array, ""] = 0.5


MOVES = Moves()


class Particles(NamedTuple):
    """The state: particles that stand for p(z) p(x|z)^t / Z_t."""

    target: Target
    kernel: State  # blackjax's state: particles, weights that sum to 1, and the temperature t
    step: Int[Array, "*batch"]  # how many temperatures are passed
    log_likelihood: Float[Array, "*batch"]  # the estimate of log Z_t, in nats
    squared_error: Float[Array, "*batch"]  # of it, of particles that are independent at each temperature


class Info(NamedTuple):
    """What is worth knowing of one temperature."""

    temperature: Float[Array, "*batch"]
    log_increment: Float[Array, "*batch"]  # of the estimate of log Z_t
    effective_sample_size: Float[Array, "*batch"]  # of the new weights, of at most as many as there are particles


class _At(NamedTuple):
    position: Latent


def bridge(p: Target, start: str) -> Space:
    """The space of z whose likelihood, to the power of a temperature, leads from where it starts to p(x, z).

    Of start "prior" p(x|z) beside p(z), of "posterior" p(x, z) / q(z|x) beside q(z|x).

    Raises:
        OptionError: start is neither "posterior" nor "prior".
        UsageError: as of `space`.
    """
    q, where = p.base(start), space(p)
    if start == "prior":
        return where._replace(log_likelihood=lambda at: jnp.maximum(where.log_likelihood(at), IMPOSSIBLE))
    log_q = lambda at: log_density("q(z|x)", q, where.value(at)) + where.log_det(at)

    def ratio(at: Latent) -> Float[Array, ""]:
        log_q_z, log_joint = log_q(at), where.log_joint(at)
        cannot_be = (log_q_z == -jnp.inf) | (log_joint == -jnp.inf)  # no chain from q starts there, or ends there
        return jnp.where(cannot_be, IMPOSSIBLE, log_joint - log_q_z)

    return where._replace(log_prior=log_q, log_likelihood=ratio)


def mover(where: Space, moves: Moves, variances: Float[Array, " d"]) -> tuple[Callable, Callable, Callable]:
    """Blackjax's step, init and resampling."""
    num_values, resample = where.num_values, blackjax().smc.resampling.systematic
    if num_values is not None:
        move = lambda key, at, log_density: (_At(sweep(key, at.position, log_density, num_values)), None)
        return move, lambda codes, log_density: _At(codes), resample
    hmc = blackjax().hmc

    def step(key: PRNGKeyArray, state: State, log_density: Callable) -> tuple[State, StepInfo]:
        key, jitter_key = jax.random.split(key)
        size = moves.step_size * jax.random.uniform(jitter_key, minval=0.8, maxval=1.2)
        return hmc.build_kernel()(key, state, log_density, size, variances, moves.num_leapfrog)

    return step, hmc.init, resample


def started(key: PRNGKeyArray, p: Target, num_particles: int) -> Particles:
    """Draws from the prior."""
    particles = jax.vmap(space(p).position)(p.prior.sample(key, (num_particles,)))
    kernel = blackjax().smc.tempered.init(particles)._replace(tempering_param=jnp.array(0.0))
    return Particles(p, kernel, jnp.array(0), jnp.array(0.0), jnp.array(0.0))


def moved(state: Particles, where: Space, kernel: State, info: StepInfo) -> tuple[Particles, Info]:
    """The state and what is said of it, from blackjax's; of particles of which none can be, that Z_t is 0."""
    n = len(kernel.weights)
    none_can_be = jnp.all(jax.vmap(where.log_likelihood)(kernel.particles) <= IMPOSSIBLE)
    kernel = kernel._replace(weights=jnp.where(none_can_be, 1 / n, kernel.weights))
    increment = jnp.where(none_can_be, -jnp.inf, info.log_likelihood_increment)
    size = jnp.where(none_can_be, 0.0, effective_sample_size(jnp.log(kernel.weights)))
    error = state.squared_error + squared_error(size, n)
    after = Particles(state.target, kernel, state.step + 1, state.log_likelihood + increment, error)
    return after, Info(kernel.tempering_param, increment, size)


def resampled(key: PRNGKeyArray, state: Particles) -> State:
    """Blackjax's state with equal weights: its search for a temperature takes particles as they lie."""
    kernel = state.kernel
    n = len(kernel.weights)
    chosen = blackjax().smc.resampling.systematic(key, kernel.weights, n)
    particles = jax.tree.map(lambda leaf: leaf[chosen], kernel.particles)
    return kernel._replace(particles=particles, weights=jnp.full(n, 1 / n))


def variances(state: Particles) -> Float[Array, " d"]:
    """The variance of each number of a position, over the weighted particles."""
    flat = jax.vmap(lambda z: ravel_pytree(z)[0])(state.kernel.particles).astype(state.kernel.weights.dtype)
    weights = jnp.where(jnp.all(jnp.isfinite(flat), axis=1), state.kernel.weights, 0.0)  # an edge has no position
    flat = jnp.where(weights[:, None] > 0, flat, 0.0)
    share = weights / jnp.sum(weights)
    return jnp.maximum(share @ (flat - share @ flat) ** 2, LEAST_VARIANCE)


def check_temperatures(temperatures: Float[Array, " t"]) -> None:
    """Temperatures rise from above 0 to 1; traced ones pass.

    Raises:
        OptionError: they do not.
    """
    if isinstance(temperatures, Tracer):
        return
    found = np.asarray(temperatures)
    if not found.size or not (np.diff(found, prepend=0.0) > 0).all() or found[-1] != 1:
        raise OptionError("schedule.temperatures", found.tolist(), "numbers that rise from above 0 to 1 at the end")
