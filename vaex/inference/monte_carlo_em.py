"""Monte Carlo EM: the generator learns from draws of the posterior itself, by chains that go on as it learns."""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Float, Int, PRNGKeyArray

from vaex.errors import OptionError, check_fraction, check_positive, check_whole
from vaex.inference.chain import Chain
from vaex.inference.iterate import iterate
from vaex.inference.kernels import blackjax
from vaex.inference.mcmc import hmc
from vaex.inference.method import Method
from vaex.inference.space import space, start_within_support
from vaex.inference.target import check_continuous, target
from vaex.model import AnyModel, Example, Latent, Params, num_examples, one_of

_GAIN = 0.2  # of the logarithm of the step size, by what the acceptance rate is off


class State(NamedTuple):
    """The generator so far, and a chain for each example."""

    params: Params
    opt_state: optax.OptState
    x: Example  # all the data, [n, ...]
    z: Latent  # where the chain of each example is, [n, ...]
    step_size: Float[Array, ""]  # of all chains
    step: Int[Array, ""]


class Info(NamedTuple):
    """What is worth knowing of one step."""

    acceptance_rate: Float[Array, ""]  # the mean over the batch
    log_joint: Float[Array, ""]  # log p(x, z) of the new draws before the updates, the mean over the batch, in nats


def monte_carlo_em(
    bind: Callable[[Params], AnyModel],
    optimizer: optax.GradientTransformation,
    *,
    batch_size: int | None = None,
    num_leapfrog: int = 10,
    num_moves: int = 1,
    num_updates: int = 5,
    step_size: float = 0.1,
    target_acceptance: float = 0.9,
    penalty: Callable[[Params], Array | float] = lambda params: 0.0,
) -> Method:
    """Monte Carlo EM as a Method: init(key, params, x), with the start's parameters and all the data, [n, ...].

    z_i ~ K(z_i|z_i) of p(z|x_i, theta),   theta <- theta + optimizer(d/dtheta 1/M sum_i log p(x_i, z_i; theta))

    A step moves the chains of one batch and then updates the weights several times on where they came to. There is no
    encoder, and so nothing that an example has from the others: each chain begins at a draw from p(z) and moves only
    when its turn comes, which with much data is too seldom for the posterior to be reached.

    Args:
        bind: params -> a model, whose q(z|x) is not used.
        optimizer: any of optax, of the whole of params.
        batch_size: M, examples of a step, in the order of the data, again from the first after the last; unset, all.
        num_leapfrog: the gradients that one trajectory of HMC takes.
        num_moves: trajectories of each chain.
        num_updates: of the weights.
        step_size: where that of the leapfrog integrator begins.
        target_acceptance: what it is adapted to from step to step.
        penalty: nats per example, to be minimised besides: minus a log-prior of params by the number of examples.

    Returns:
        The method; `inference.iterate` runs it.

    Raises:
        OptionError: a number out of its range; more examples in a batch than there are, in init.
        UsageError: discrete latents, in init.

    Source: Wei and Tanner 1990; with HMC Kingma and Welling 2013, appendix E.
    """
    check_whole(batch_size=batch_size, num_leapfrog=num_leapfrog, num_moves=num_moves, num_updates=num_updates)
    check_positive(step_size=step_size)
    check_fraction(target_acceptance=target_acceptance)
    kernel = hmc(num_leapfrog=num_leapfrog, num_warmup=0)

    def init(key: PRNGKeyArray, params: Params, x: Example) -> State:
        n, model = num_examples(x), bind(params)
        if batch_size is not None and batch_size > n:
            raise OptionError("batch_size", batch_size, f"at most {n}, the number of examples")
        check_continuous(target(model, one_of(x)).prior, "monte_carlo_em")

        def one(key: PRNGKeyArray, x: Example) -> Latent:
            p = target(model, x)
            return space(p).value(start_within_support(key, jax.random.fold_in(key, 1), p, "prior"))

        z = jax.vmap(one)(jax.random.split(key, n), x)
        return State(params, optimizer.init(params), x, z, jnp.full((), step_size, float), jnp.zeros((), jnp.int32))

    def moved(key: PRNGKeyArray, model: AnyModel, x: Example, z: Latent, step_size: Array) -> tuple[Latent, Array]:
        p = target(model, x)
        where = space(p)
        position = where.position(z)
        size = sum(leaf.size for leaf in jax.tree.leaves(position))
        tuned = {"step_size": step_size, "inverse_mass_matrix": jnp.ones(size)}
        start = Chain(p, blackjax().hmc.init(position, where.log_joint), tuned)
        chain, info = iterate(key, kernel, start, num_steps=num_moves)
        return chain.z, jnp.mean(info.acceptance_rate)

    def step(key: PRNGKeyArray, state: State) -> tuple[State, Info]:
        n = num_examples(state.x)
        m = batch_size or n
        rows = (state.step * m + jnp.arange(m)) % n
        x, z = jax.tree.map(lambda leaf: leaf[rows], (state.x, state.z))
        move = jax.vmap(lambda key, x, z: moved(key, bind(state.params), x, z, state.step_size))
        z, accepted = move(jax.random.split(key, m), x, z)

        def loss(params: Params) -> tuple[Array, Array]:
            model = bind(params)
            log_joint = jnp.mean(jax.vmap(lambda x, z: target(model, x).log_joint(z))(x, z))
            return penalty(params) - log_joint, log_joint

        def update(carry: tuple[Params, optax.OptState], _: None) -> tuple[tuple[Params, optax.OptState], Array]:
            params, opt_state = carry
            grads, log_joint = jax.grad(loss, has_aux=True)(params)
            updates, opt_state = optimizer.update(grads, opt_state, params)
            return (optax.apply_updates(params, updates), opt_state), log_joint

        (params, opt_state), log_joint = jax.lax.scan(update, (state.params, state.opt_state), length=num_updates)
        rate = jnp.mean(jnp.nan_to_num(accepted))
        adapted = state.step_size * jnp.exp(_GAIN * (rate - target_acceptance))
        all_z = jax.tree.map(lambda leaf, new: leaf.at[rows].set(new), state.z, z)
        return State(params, opt_state, state.x, all_z, adapted, state.step + 1), Info(rate, log_joint[0])

    return Method(init, step)
