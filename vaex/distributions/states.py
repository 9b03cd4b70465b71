"""Every value of a discrete variable."""

from typing import Any

import jax.numpy as jnp

from vaex.errors import UsageError

_MOST_STATES = 10_000


def all_states(q: Any) -> Any:
    """All values of a discrete variable, or of a vector of independent ones: [S, ...].

    Raises:
        UsageError: not discrete, or more than 10,000 states.
    """
    base: Any = getattr(q, "base_dist", None)
    if base is None and getattr(q, "has_enumerate_support", False):
        return q.enumerate_support()
    if base is None or not base.has_enumerate_support or q.reinterpreted_batch_ndims != 1:
        raise UsageError(
            f"{type(q).__name__} cannot be enumerated: use reinforce or vimco, or elbo if it is continuous"
        )
    values = base.enumerate_support(expand=False)[:, 0]
    check_num_states(len(values) ** base.batch_shape[0])
    grids = jnp.meshgrid(*[jnp.arange(len(values))] * base.batch_shape[0], indexing="ij")
    return values[jnp.stack([g.ravel() for g in grids], axis=-1)]


def check_num_states(num_states: int) -> None:
    """Raise a UsageError for more states than can be summed over."""
    if num_states > _MOST_STATES:
        raise UsageError(f"z has {num_states:,} states: expected at most {_MOST_STATES:,}; use reinforce or vimco")
