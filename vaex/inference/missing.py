"""What is missing of an example, by resampling it and z by turns."""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, PRNGKeyArray

from vaex.distributions.abilities import average
from vaex.distributions.masked import Masked, draw_like
from vaex.errors import check_whole
from vaex.inference.iterate import iterate
from vaex.inference.method import Method
from vaex.inference.target import Target, target
from vaex.model import AnyModel, Conditional, Example, Latent, Model, Value, at
from vaex.objectives import log_weights
from vaex.objectives.encode import encode


class State(NamedTuple):
    """A completed example, and the z that its missing part was drawn from."""

    target: Target
    x: Float[Array, "..."]
    z: Latent


class Info(NamedTuple):
    """Of one step: whether z is the one proposed, always so without a test."""

    accepted: Bool[Array, ""]


def pseudo_gibbs() -> Method:
    """A chain that takes q(z|x) for the posterior.

    z ~ q(z|x_o, x_m),   x_m ~ p(x_m|z)

    Where q(z|x) is the posterior of whole examples it is Gibbs sampling of p(z, x_m|x_o); elsewhere it ends near it.

    Returns:
        The method, for a model of Masked examples, as from partially_observed, and one of them; vmap outside. It begins
        with z ~ q(z|x_o), and asks q(z|x) for completed examples.

    Source: Rezende, Mohamed and Wierstra 2014, appendix F.
    """
    return _chain(is_tested=False)


def metropolis_within_gibbs() -> Method:
    """The same with a test of each z, which makes p(z, x_m|x_o) the chain's limit whatever q is.

    z' ~ q(z|x_o, x_m), taken with probability min(1, w(z') / w(z)),   w(z) = p(x_o, x_m|z) p(z) / q(z|x_o, x_m)

    Returns:
        The method, for a model of Masked examples, as from partially_observed, and one of them; vmap outside. It begins
        with z ~ q(z|x_o), and asks q(z|x) for completed examples.

    Source: Mattei and Frellsen 2018, leveraging the exact likelihood of deep latent variable models, algorithm 1.
    """
    return _chain(is_tested=True)


def conditional_mean(
    key: PRNGKeyArray, model: Model | Conditional, example: Example, *,
    method: Callable[[], Method] = metropolis_within_gibbs, num_steps: int = 1000, num_warmup: int = 100,
) -> Float[Array, "..."]:  # fmt: skip
    """The conditional mean of what is missing, over a chain.

    E[x_m|x_o] ~ 1/T sum_t E[x_m|z_t]

    Args:
        key: a PRNG key.
        model: a model of Masked examples, as from partially_observed.
        example: one Masked example; for a Conditional model a Given of one.
        method: pseudo_gibbs or metropolis_within_gibbs.
        num_steps: T.
        num_warmup: steps before them, which are left out.

    Returns:
        x, with the conditional mean, or the most probable class, where it was missing.

    Raises:
        OptionError: num_steps below 1, or num_warmup below 0.
    """
    check_whole(num_steps=num_steps)
    check_whole(0, num_warmup=num_warmup)
    chain, (now, example) = method(), at(model, example)
    start_key, warm_key, key = jax.random.split(key, 3)
    state = chain.init(start_key, now, example)
    if num_warmup:
        state, _ = iterate(warm_key, chain, state, num_steps=num_warmup)

    def add(carry: tuple[State, Value], key: PRNGKeyArray) -> tuple[tuple[State, Value], None]:  # one mean in memory
        state, total = carry
        state, _ = chain.step(key, state)
        return (state, jax.tree.map(jnp.add, total, average(now.decode(state.z))[0])), None

    zeros = jax.tree.map(jnp.zeros_like, average(now.decode(state.z))[0])
    (state, total), _ = jax.lax.scan(add, (state, zeros), jax.random.split(key, num_steps))
    read = average(now.decode(state.z))[1]
    return example.filled(read(jax.tree.map(lambda sum_: sum_ / num_steps, total)))


def _chain(*, is_tested: bool) -> Method:
    def init(key: PRNGKeyArray, model: AnyModel, x: Masked) -> State:
        p = target(model, x)
        latent_key, key = jax.random.split(key)
        z = p.start(latent_key, "posterior")
        return State(p, _completed(key, p, z), z)

    def step(key: PRNGKeyArray, state: State) -> tuple[State, Info]:
        latent_key, test_key, key = jax.random.split(key, 3)
        model, _ = at(state.target.held.model, state.target.example)
        whole = Masked(state.x, jnp.ones(state.x.shape, bool))
        q = encode(model, whole)
        z, accepted = q.sample(latent_key), jnp.array(True)
        if is_tested:
            log_w = lambda z: log_weights(model, whole, q, jax.tree.map(lambda leaf: leaf[None], z)).log_w[0]
            accepted = jnp.log(jax.random.uniform(test_key)) < log_w(z) - log_w(state.z)
            z = jax.tree.map(lambda new, old: jnp.where(accepted, new, old), z, state.z)
        return State(state.target, _completed(key, state.target, z), z), Info(accepted)

    return Method(init, step)


def _completed(key: PRNGKeyArray, p: Target, z: Latent) -> Float[Array, "..."]:
    model, example = at(p.held.model, p.example)
    return example.filled(draw_like(key, model.decode(z), example.x))
