"""What is missing of an example, by resampling it and z by turns."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, PRNGKeyArray

from vaex.distributions.abilities import average
from vaex.distributions.masked import Masked, seen_as
from vaex.distributions.shapes import log_density
from vaex.errors import UsageError, check_whole
from vaex.inference.iterate import iterate
from vaex.inference.method import Method
from vaex.model import Latent, Model
from vaex.objectives.encode import encode


class State(NamedTuple):
    """A completed example, and the z that its missing part was drawn from."""

    x: Float[Array, "..."]
    z: Latent


class Info(NamedTuple):
    """Of one step: whether z is the one proposed, always so without a test."""

    accepted: Bool[Array, ""]


def pseudo_gibbs(model: Model, example: Masked) -> Method:
    """A chain that takes q(z|x) for the posterior.

    z ~ q(z|x_o, x_m),   x_m ~ p(x_m|z)

    Where q(z|x) is the posterior of whole examples it is Gibbs sampling of p(z, x_m|x_o); elsewhere it ends near it.

    Args:
        model: a model of Masked examples, as from partially_observed, whose q(z|x) is asked for completed ones.
        example: one example; vmap outside.

    Returns:
        Method(init, step): init(key) -> State, of z ~ q(z|x_o); step(key, State) -> State, Info.

    Source: Rezende, Mohamed and Wierstra 2014, appendix F.
    """
    return _chain(model, example, is_tested=False)


def metropolis_within_gibbs(model: Model, example: Masked) -> Method:
    """The same with a test of each z, which makes p(z, x_m|x_o) the chain's limit whatever q is.

    z' ~ q(z|x_o, x_m), taken with probability min(1, w(z') / w(z)),   w(z) = p(x_o, x_m|z) p(z) / q(z|x_o, x_m)

    Args:
        model: a model of Masked examples, as from partially_observed, whose q(z|x) is asked for completed ones.
        example: one example; vmap outside.

    Returns:
        Method(init, step): init(key) -> State, of z ~ q(z|x_o); step(key, State) -> State, Info.

    Source: Mattei and Frellsen 2018, leveraging the exact likelihood of deep latent variable models, algorithm 1.
    """
    return _chain(model, example, is_tested=True)


def conditional_mean(
    key: PRNGKeyArray, model: Model, example: Masked, *, method: Any = metropolis_within_gibbs,
    num_steps: int = 1000, num_warmup: int = 100,
) -> Float[Array, "..."]:  # fmt: skip
    """The conditional mean of what is missing, over a chain.

    E[x_m|x_o] ~ 1/T sum_t E[x_m|z_t]

    Args:
        key: a PRNG key.
        model: a model of Masked examples, as from partially_observed.
        example: one example.
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
    chain = method(model, example)
    start_key, warm_key, key = jax.random.split(key, 3)
    state = chain.init(start_key)
    if num_warmup:
        state, _ = iterate(warm_key, chain, num_steps=num_warmup, state=state)

    def add(carry: tuple[State, Any], key: PRNGKeyArray) -> tuple[tuple[State, Any], None]:  # one mean in memory
        state, total = carry
        state, _ = chain.step(key, state)
        return (state, jax.tree.map(jnp.add, total, average(model.decode(state.z))[0])), None

    zeros = jax.tree.map(jnp.zeros_like, average(model.decode(state.z))[0])
    (state, total), _ = jax.lax.scan(add, (state, zeros), jax.random.split(key, num_steps))
    read = average(model.decode(state.z))[1]
    return example.filled(read(jax.tree.map(lambda sum_: sum_ / num_steps, total)))


def _chain(model: Model, example: Masked, *, is_tested: bool) -> Method:
    if jnp.shape(example.mask) != jnp.shape(example.x):
        raise UsageError(
            f"found a mask of shape {jnp.shape(example.mask)} with an x of shape {jnp.shape(example.x)}: "
            "expected the same, True where x is observed"
        )
    everything = jnp.ones_like(example.mask)

    def completed(key: PRNGKeyArray, z: Latent) -> Float[Array, "..."]:
        return example.filled(seen_as(example.x, model.decode(z).sample(key)))

    def log_weight(q: Any, whole: Masked, z: Latent) -> Float[Array, ""]:
        log_p = log_density("p(x|z)", model.decode(z), whole) + log_density("p(z)", model.prior, z)
        return log_p - log_density("q(z|x)", q, z)

    def init(key: PRNGKeyArray) -> State:
        latent_key, key = jax.random.split(key)
        z = encode(model, example).sample(latent_key)
        return State(completed(key, z), z)

    def step(key: PRNGKeyArray, state: State) -> tuple[State, Info]:
        latent_key, test_key, key = jax.random.split(key, 3)
        whole = Masked(state.x, everything)
        q = encode(model, whole)
        z, accepted = q.sample(latent_key), jnp.array(True)
        if is_tested:
            log_ratio = log_weight(q, whole, z) - log_weight(q, whole, state.z)
            accepted = jnp.log(jax.random.uniform(test_key)) < log_ratio
            z = jax.tree.map(lambda new, old: jnp.where(accepted, new, old), z, state.z)
        return State(completed(key, z), z), Info(accepted)

    return Method(init, step)
