"""Mean field of discrete latents that can be enumerated: of a vector of them, or of the nodes of a graph."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from vaex.arithmetic import times
from vaex.distributions.shapes import log_density
from vaex.distributions.states import all_states, sizes_of_states
from vaex.errors import UsageError
from vaex.inference.method import Method
from vaex.model import Example, Latent, Model


class State(NamedTuple):
    """prod_j q_j(z_j), by the logarithm of each q_j over the states of z_j."""

    log_q: tuple[Array, ...]


def discrete(model: Model, x: Example) -> Method:
    """Mean field of discrete latents, by sums over all of their states.

    log q_j(z_j) = E_{q_i, i != j}[log p(x, z)] + const,   one j after another

    Args:
        model: a model whose p(z) enumerates its support: a Categorical, a vector of independent ones, or a graph of
            discrete nodes, each of which is a factor of q.
        x: one example; vmap outside.

    Returns:
        Method(init, step): init(key) -> State, drawn, since factors that are all even may be a saddle; step(key, State)
        needs no key, goes once over all factors, and tells the bound on log p(x) after it, in nats, which never falls.

    Raises:
        UsageError: p(z) cannot be enumerated, or has more than 10,000 states.

    Source: Bishop 2006, equation 10.9.
    """
    sizes = sizes_of_states(model.prior)

    def log_joint(z: Latent) -> Float[Array, ""]:
        return log_density("p(x|z)", model.decode(z), x) + log_density("p(z)", model.prior, z)

    table = jax.vmap(log_joint)(all_states(model.prior)).reshape(sizes)

    def init(key: PRNGKeyArray) -> State:
        keys = jax.random.split(key, len(sizes))
        return State(tuple(jax.nn.log_softmax(jax.random.normal(k, (n,))) for k, n in zip(keys, sizes, strict=True)))

    def step(key: PRNGKeyArray | None, state: State) -> tuple[State, Float[Array, ""]]:
        log_q = list(state.log_q)
        for j in range(len(sizes)):
            others = [log_q[i] for i in range(len(sizes)) if i != j]
            log_q[j] = jax.nn.log_softmax(_expected(jnp.moveaxis(table, j, 0), others))
        entropy = -sum(jnp.sum(times(jnp.exp(one), one)) for one in log_q)
        return State(tuple(log_q)), _expected(table, log_q) + entropy

    return Method(init, step)


def probabilities(model: Model, state: State) -> Float[Array, " s"]:
    """q(z) of each of all_states(model.prior), in their order.

    Raises:
        UsageError: a state of other factors than those of p(z).
    """
    sizes = tuple(len(one) for one in state.log_q)
    if sizes != (expected := sizes_of_states(model.prior)):
        raise UsageError(f"the factors have {sizes} states: expected those of p(z), {expected}")
    return jnp.exp(_product(state.log_q)).ravel()


def _product(log_q: tuple[Array, ...]) -> Float[Array, "..."]:
    """The sum of the logarithms on axes of their own."""
    total = jnp.zeros(())
    for one in log_q:
        total = total[..., None] + one
    return total


def _expected(table: Array, log_q: list[Array]) -> Array:
    """The table's mean over its last axes."""
    weights = jnp.exp(_product(tuple(log_q)))
    return jnp.sum(times(weights, table), axis=tuple(range(table.ndim - len(log_q), table.ndim)))
