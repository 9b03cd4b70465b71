"""Approximate Bayesian computation by sequential Monte Carlo: a population whose tolerance falls step by step."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax.flatten_util import ravel_pytree
from jaxtyping import Array, Float, PRNGKeyArray

from vaex.distributions.shapes import log_density
from vaex.distributions.supports import Coordinates, coordinates
from vaex.errors import check_finite, check_fraction, check_whole
from vaex.inference.abc import Simulated, Simulator, distances, euclidean, rejection
from vaex.inference.method import Method
from vaex.inference.particles import LEAST_VARIANCE
from vaex.inference.target import Held, Target, check_continuous
from vaex.model import Distribution, Example, Latent


class Population(NamedTuple):
    """The state of `smc`."""

    target: Target  # the simulator and x
    simulated: Simulated


class Info(NamedTuple):
    """What is worth knowing of one step of `smc`."""

    tolerance: Float[Array, "*batch"]
    acceptance_rate: Float[Array, "*batch"]  # of the moves


def smc(
    *,
    tolerance: float,
    num_particles: int = 1000,
    num_moves: int = 5,
    share: float = 0.5,
    distance: Callable[..., Array] = euclidean,
) -> Method:
    """A population whose tolerance falls step by step to the one asked for: init(key, simulator, x).

    tolerance_t = max(tolerance, the quantile of the distances at `share`); those within it are resampled, and each
    moves by z' = z + noise, x' ~ p(x|z'), accepted if d(x', x) <= tolerance_t and u < p(z') / p(z)

    where z stands for free numbers, of one above 0 its logarithm, and p(z) is the density over these.

    Where less than `share` of the particles are nearer than the others, which all are equally far, as counts may be, it
    stays; a smaller share lets it fall.

    Args:
        tolerance: the last one.
        num_particles: N.
        num_moves: of each particle at each tolerance.
        share: of the particles that each tolerance keeps.
        distance: as of `abc.rejection`.

    Returns:
        The method, for continuous latents; `anneal` runs it.

    Raises:
        OptionError: a number out of its range.
        UsageError: discrete latents, in init.

    Source: Del Moral, Doucet and Jasra 2012; the noise has 2.38^2 / d of the particles' covariance.
    """
    check_finite(0, tolerance=tolerance)
    check_whole(num_particles=num_particles, num_moves=num_moves)
    check_fraction(share=share)

    def init(key: PRNGKeyArray, simulator: Simulator, x: Example) -> Population:
        check_continuous(simulator.prior, "abc_smc", instead="inference.abc.rejection")
        found = rejection(key, simulator, x, tolerance=0.0, num_proposals=num_particles, distance=distance)
        return Population(Target(Held(simulator), x), found._replace(tolerance=jnp.full_like(found.tolerance, jnp.inf)))

    def step(key: PRNGKeyArray, state: Population) -> tuple[Population, Info]:
        choice_key, *keys = jax.random.split(key, num_moves + 1)
        simulator, now = state.target.held.model, state.simulated
        # It never rises: what lies within the last one is what the particles stand for.
        level = jnp.minimum(now.tolerance, jnp.maximum(tolerance, _nearest(now.distance, share)))
        z, near = _resampled(choice_key, now, level)
        far = lambda key, z: distances(key, simulator, z, state.target.example, distance)
        where = coordinates(simulator.prior)
        numbers = jax.vmap(where.numbers)(z)
        noise = _spread(numbers)

        def move(particles: tuple[Latent, Array], key: PRNGKeyArray) -> tuple[tuple[Latent, Array], Array]:
            return _move(key, particles, simulator.prior, where, far, noise, level)

        (numbers, near), moves = jax.lax.scan(move, (numbers, near), jnp.stack(keys))
        moved = Simulated(jax.vmap(where.value)(numbers), near, level)
        return state._replace(simulated=moved), Info(level, jnp.mean(moves))

    return Method(init, step)


def anneal(
    key: PRNGKeyArray, simulator: Simulator, x: Example, *, tolerance: float, num_steps: int = 20, **options: Any
) -> Simulated:
    """The steps of `smc`; `abc.accepted` reads the population, and says if it has not come to the tolerance.

    Args:
        key: a PRNG key.
        simulator: a Simulator.
        x: one example.
        tolerance: the last one.
        num_steps: how many tolerances; each keeps `share` of the particles at least, until the last is reached.
        options: of `smc`.

    Returns:
        The population and its distances, with the tolerance asked for.

    Raises:
        OptionError, UsageError: as of `smc`.
    """
    check_whole(num_steps=num_steps)
    method = smc(tolerance=tolerance, **options)
    init_key, *keys = jax.random.split(key, num_steps + 1)
    state, _ = jax.lax.scan(lambda s, k: method.step(k, s), method.init(init_key, simulator, x), jnp.stack(keys))
    return state.simulated._replace(tolerance=jnp.asarray(tolerance, state.simulated.tolerance.dtype))


def _nearest(distance: Float[Array, " n"], share: float) -> Float[Array, ""]:
    """The distance within which a share of the particles lies, or, of fewer whose simulator did not fail, all those."""
    far = jnp.max(distance, where=jnp.isfinite(distance), initial=-jnp.inf)
    return jnp.minimum(jnp.quantile(distance, share, method="lower"), jnp.where(far == -jnp.inf, jnp.inf, far))


def _resampled(key: PRNGKeyArray, now: Simulated, level: Array) -> tuple[Latent, Array]:
    alive = now.distance <= level
    chosen = jax.random.categorical(key, jnp.where(alive, 0.0, -jnp.inf), shape=alive.shape)
    chosen = jnp.where(alive.any(), chosen, jnp.arange(len(alive)))
    return jax.tree.map(lambda leaf: leaf[chosen], (now.z, now.distance))


def _spread(z: Latent) -> Callable[[PRNGKeyArray, Latent], Latent]:
    """Normal noise with 2.38^2 / d of the covariance of particles, to be added to each.

    A small share of the variances goes on the diagonal, so that numbers that depend on each other have a factor, too.
    """
    flat = jax.vmap(lambda one: ravel_pytree(one)[0])(z)
    centred = flat - jnp.mean(flat, axis=0)
    size = flat.shape[1]
    covariance = centred.T @ centred / len(flat)
    covariance = covariance + jnp.diag(1e-6 * jnp.diag(covariance) + LEAST_VARIANCE)
    factor = 2.38 / size**0.5 * jnp.linalg.cholesky(covariance)

    def add(key: PRNGKeyArray, one: Latent) -> Latent:
        position, unravel = ravel_pytree(one)
        return unravel(position + factor @ jax.random.normal(key, position.shape))

    return add


def _move(
    key: PRNGKeyArray,
    particles: tuple[Latent, Array],
    prior: Distribution,
    where: Coordinates,
    far: Callable,
    noise: Callable,
    level: Array,
) -> tuple[tuple[Latent, Array], Array]:
    numbers, near = particles
    log_prior = jax.vmap(lambda one: log_density("p(z)", prior, where.value(one)) + where.log_det(one))
    noise_key, x_key, accept_key = jax.random.split(key, 3)
    n = len(near)
    proposed = jax.vmap(noise)(jax.random.split(noise_key, n), numbers)
    distance = far(x_key, jax.vmap(where.value)(proposed))
    log_ratio = log_prior(proposed) - log_prior(numbers)
    go = (distance <= level) & (jnp.log(jax.random.uniform(accept_key, (n,))) < log_ratio)
    pick = lambda new, old: jnp.where(go.reshape(n, *(1,) * (new.ndim - 1)), new, old)
    return jax.tree.map(pick, (proposed, distance), (numbers, near)), jnp.mean(go)
