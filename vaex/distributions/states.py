"""The values of a discrete distribution, one by one: a function on which its type registers."""

import functools

import jax.numpy as jnp
import numpyro.distributions as dist
from jaxtyping import Array

from vaex.errors import UsageError
from vaex.model import Distribution

_MOST_STATES = 10_000


@functools.singledispatch
def all_states(q: Distribution) -> Array:
    """All values of a discrete variable, or of a vector of independent ones: [S, ...].

    Raises:
        UsageError: not discrete, or more than 10,000 states.
    """
    raise UsageError(f"{type(q).__name__} cannot be enumerated: use reinforce or vimco, or elbo if it is continuous")


def check_num_states(num_states: int) -> None:
    """Raise a UsageError for more states than can be summed over."""
    if num_states > _MOST_STATES:
        raise UsageError(f"z has {num_states:,} states: expected at most {_MOST_STATES:,}; use reinforce or vimco")


def values_of(q: dist.Distribution, *, expand: bool = True) -> Array | None:
    """What numpyro enumerates; None of what it cannot, as of variables with different values."""
    try:
        return q.enumerate_support(expand=expand) if q.has_enumerate_support else None
    except NotImplementedError:
        return None


@all_states.register(dist.Distribution)
def _(q: dist.Distribution) -> Array:
    if (states := values_of(q)) is None:
        return all_states.dispatch(object)(q)
    check_num_states(len(states))
    return states


@all_states.register(dist.Independent)
def _(q: dist.Independent) -> Array:
    base = q.base_dist
    each = values_of(base, expand=False)
    if each is None or q.reinterpreted_batch_ndims != 1:
        return all_states.dispatch(object)(q)
    values = each[:, 0]
    check_num_states(len(values) ** base.batch_shape[0])
    grids = jnp.meshgrid(*[jnp.arange(len(values))] * base.batch_shape[0], indexing="ij")
    return values[jnp.stack([g.ravel() for g in grids], axis=-1)]


@functools.singledispatch
def sizes_of_states(q: Distribution) -> tuple[int, ...]:
    """How many states each of the variables has of which all_states are all tuples, in their order: of one, (S,).

    Raises:
        UsageError: as of all_states.
    """
    return (len(all_states(q)),)


@sizes_of_states.register(dist.Independent)
def _(q: dist.Independent) -> tuple[int, ...]:
    all_states(q)  # which refuses too many
    (num_variables,) = q.base_dist.batch_shape
    return (len(q.base_dist.enumerate_support(expand=False)),) * num_variables
