"""Mean field of discrete latents that can be enumerated: of a vector of them, or of the nodes of a graph."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from vaex.distributions.states import all_states, sizes_of_states
from vaex.inference.method import Method
from vaex.inference.target import target
from vaex.losses.arithmetic import times
from vaex.model import AnyModel, Example


class State(NamedTuple):
    """prod_j q_j(z_j), by the logarithm of each q_j over the states of z_j."""

    log_joint: Array  # log p(x, z), an axis for each z_j
    log_q: tuple[Array, ...]

    def probabilities(self) -> Float[Array, " s"]:
        """q(z) of each of all_states(p(z)), in their order."""
        return jnp.exp(_product(self.log_q)).ravel()


def discrete() -> Method:
    """Mean field of discrete latents, by sums over all of their states.

    log q_j(z_j) = E_{q_i, i != j}[log p(x, z)] + const,   one j after another

    Where p(x, z) is 0 for some z, as of deterministic nodes, its logarithm is taken as a number that goes to -inf: q_j
    is 0 but where the others' mass on such z is least. The bound is -inf until q has none.

    Returns:
        The method, for a model whose p(z) enumerates its support: a Categorical, a vector of independent ones, or a
        graph of discrete nodes, each of which is a factor of q. It begins with factors that are drawn, since even ones
        may be a saddle. A step needs no key, goes once over all factors, and tells the bound on log p(x) after it, in
        nats, which never falls.

    Raises:
        UsageError: p(z) cannot be enumerated, or has more than 10,000 states, in init.

    Source: Bishop 2006, equation 10.9.
    """

    def init(key: PRNGKeyArray, model: AnyModel, x: Example) -> State:
        p = target(model, x)
        sizes = sizes_of_states(p.prior)
        table = jax.vmap(p.log_joint)(all_states(p.prior)).reshape(sizes)
        keys = jax.random.split(key, len(sizes))
        drawn = [jax.nn.log_softmax(jax.random.normal(k, (n,))) for k, n in zip(keys, sizes, strict=True)]
        return State(table, tuple(drawn))

    def step(key: PRNGKeyArray | None, state: State) -> tuple[State, Float[Array, ""]]:
        table, log_q = state.log_joint, list(state.log_q)
        for j in range(len(log_q)):
            others = log_q[:j] + log_q[j + 1 :]
            here = jnp.moveaxis(table, j, 0)
            mean = _expected(jnp.where(here == -jnp.inf, 0.0, here), others)
            zero = _expected((here == -jnp.inf).astype(mean.dtype), others)  # q's mass where p(x, z) is 0
            log_q[j] = jax.nn.log_softmax(jnp.where(zero <= jnp.min(zero), mean, -jnp.inf))
        entropy = -sum(jnp.sum(times(jnp.exp(one), one)) for one in log_q)
        return State(table, tuple(log_q)), _expected(table, log_q) + entropy

    return Method(init, step)


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
