"""Markov chains on continuous latents whose stationary distribution is p(z|x), by blackjax's kernels."""

import functools
from collections.abc import Callable

import jax
import jax.numpy as jnp
from jaxtyping import Array, PRNGKeyArray

from vaex.errors import check_whole
from vaex.inference import chain
from vaex.inference.chain import Info, Tuning
from vaex.inference.kernels import blackjax
from vaex.inference.method import Method, State
from vaex.model import Latent


def hmc(
    *,
    num_leapfrog: int = 10,
    step_size: float = 0.5,
    num_warmup: int = 300,
    target_acceptance: float = 0.8,
    start: str = "posterior",
) -> Method:
    """Hamiltonian Monte Carlo: trajectories of a fixed number of leapfrog steps, each accepted or not.

    H(z, m) = -log p(x, z) + m^T M^-1 m / 2,   accept with probability min(1, exp(H - H'))

    Each trajectory has a step size of its own within a fifth of the one given or found, since trajectories of one
    length come back near to where they began in some directions.

    Args:
        num_leapfrog: the gradients that one step takes.
        step_size: of the leapfrog integrator; where warm-up begins, or all of it without one.
        num_warmup: steps of each chain, in init, that adapt the step size and the diagonal mass matrix and are thrown
            away; 0 keeps step_size and unit masses.
        target_acceptance: what the step size is adapted to.
        start: "posterior", a draw from q(z|x), or "prior"; where p(x, z) is 0 there, another from p(z).

    Returns:
        The method. A step is divergent where H has grown by 1,000: the step size is too large for what is there, and
        the draws say nothing of that part of p(z|x).

    Raises:
        OptionError: a number out of its range.
        UsageError: discrete latents, in init.

    Source: Neal 2011, MCMC using Hamiltonian dynamics; the warm-up is Stan's.
    """
    check_whole(num_leapfrog=num_leapfrog)
    tuning = Tuning(step_size, num_warmup, target_acceptance)
    return _hamiltonian("hmc", tuning, start, jitter=0.2, num_integration_steps=num_leapfrog)


def nuts(
    *,
    step_size: float = 0.5,
    num_warmup: int = 300,
    target_acceptance: float = 0.8,
    max_doublings: int = 10,
    start: str = "posterior",
) -> Method:
    """The no-U-turn sampler: Hamiltonian Monte Carlo whose trajectories double until they turn back.

    Args:
        step_size: as of `hmc`.
        num_warmup: as of `hmc`.
        target_acceptance: as of `hmc`.
        max_doublings: a trajectory has at most 2^max_doublings steps; under vmap all wait for the longest.
        start: as of `hmc`.

    Returns:
        The method.

    Raises:
        OptionError: a number out of its range.
        UsageError: discrete latents, in init.

    Source: Hoffman and Gelman 2014; Betancourt 2017 for the multinomial choice within a trajectory.
    """
    check_whole(max_doublings=max_doublings)
    tuning = Tuning(step_size, num_warmup, target_acceptance)
    return _hamiltonian("nuts", tuning, start, max_num_doublings=max_doublings)


def mala(
    *,
    step_size: float = 0.1,
    num_warmup: int = 300,
    target_acceptance: float = 0.574,
    start: str = "posterior",
) -> Method:
    """The Metropolis-adjusted Langevin algorithm: one step along the gradient with noise, accepted or not.

    z' = z + step_size grad log p(x, z) + sqrt(2 step_size) noise

    Args:
        step_size: where warm-up begins, or all of it without one.
        num_warmup: steps of each chain, in init, that adapt the step size and are thrown away; 0 keeps it.
        target_acceptance: what the step size is adapted to; 0.574 is the best in many dimensions.
        start: as of `hmc`.

    Returns:
        The method.

    Raises:
        OptionError: a number out of its range.
        UsageError: discrete latents, in init.

    Source: Roberts and Tweedie 1996; Roberts and Rosenthal 1998 for the rate.
    """

    def step(key: PRNGKeyArray, state: State, log_joint: Callable, step_size: Array) -> tuple[State, Info]:
        state, info = blackjax().mala.build_kernel()(key, state, log_joint, step_size)
        return state, Info(info.acceptance_rate, jnp.array(False))

    init = lambda z, log_joint: blackjax().mala.init(z, log_joint)
    tuning = Tuning(step_size, num_warmup, target_acceptance)
    return chain.method("mala", _scaled(init, step), tuning, start)


def random_walk(
    *,
    step_size: float = 0.5,
    num_warmup: int = 300,
    target_acceptance: float = 0.234,
    start: str = "posterior",
) -> Method:
    """Random-walk Metropolis: a step of normal noise, accepted or not; no gradient.

    z' = z + step_size noise,   accept with probability min(1, p(x, z') / p(x, z))

    Args:
        step_size: the standard deviation of a step; where warm-up begins, or all of it without one.
        num_warmup: as of `mala`.
        target_acceptance: what the step size is adapted to; 0.234 is the best in many dimensions.
        start: as of `hmc`.

    Returns:
        The method.

    Raises:
        OptionError: a number out of its range.
        UsageError: discrete latents, in init.

    Source: Metropolis et al. 1953; Roberts, Gelman and Gilks 1997 for the rate.
    """

    def step(key: PRNGKeyArray, state: State, log_joint: Callable, step_size: Array) -> tuple[State, Info]:
        noise = blackjax().mcmc.random_walk.normal(step_size)
        state, info = blackjax().additive_step_random_walk.build_kernel()(key, state, log_joint, noise)
        return state, Info(info.acceptance_rate, jnp.array(False))

    init = lambda z, log_joint: blackjax().additive_step_random_walk.init(z, log_joint)
    tuning = Tuning(step_size, num_warmup, target_acceptance)
    return chain.method("random_walk", _scaled(init, step), tuning, start)


def _hamiltonian(name: str, tuning: Tuning, start: str, jitter: float = 0.0, **options: object) -> Method:
    def step(
        key: PRNGKeyArray, state: State, log_joint: Callable, step_size: Array, **tuned: Array
    ) -> tuple[State, Info]:
        key, jitter_key = jax.random.split(key)
        size = step_size * jax.random.uniform(jitter_key, minval=1 - jitter, maxval=1 + jitter)
        state, info = vars(blackjax())[name].build_kernel()(key, state, log_joint, size, **tuned, **options)
        return state, Info(info.acceptance_rate, info.is_divergent)

    def warm_up(key: PRNGKeyArray, z: Latent, log_joint: Callable, tuning: Tuning) -> tuple[Latent, dict[str, Array]]:
        return chain.windows(key, z, log_joint, tuning, name, options)

    init = lambda z, log_joint: vars(blackjax())[name].init(z, log_joint)
    return chain.method(name, chain.Kernel(init, step, warm_up), tuning, start)


def _scaled(init: Callable, step: Callable) -> chain.Kernel:
    """A kernel whose step size is all there is to tune."""
    return chain.Kernel(init, step, functools.partial(chain.scale, init=init, step=step))
