"""Arithmetic at the edges of floating point, which losses, bounds and distributions share."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import jax
import jax.numpy as jnp

if TYPE_CHECKING:
    from typing import Any

    import numpy as np
    from jaxtyping import Array, Bool, Float, Num, Shaped

_NARROW = tuple(map(jnp.dtype, ("int8", "int16", "uint8", "uint16")))


def at_least_float32(array: Shaped[Array | np.ndarray, "..."] | float) -> Float[Array, "..."]:
    """The same in float32 where its precision is lower, as of whole numbers.

    A sum over 784 pixels costs bfloat16 several nats.
    """
    found = jnp.asarray(array)
    is_low = not jnp.issubdtype(found.dtype, jnp.floating) or jnp.finfo(found.dtype).bits < 32
    return found.astype(jnp.float32) if is_low else found


def widened(values: Any) -> Any:
    """The same as integers of 32 bits where they have fewer, in which 260 would be 4 and there are no 256 classes."""
    return values.astype(jnp.int32) if jnp.result_type(values) in _NARROW else values


def times(weight: Num[Array, "..."] | float, log_value: Float[Array, "..."] | float) -> Float[Array, "..."]:
    """The product of a weight and a logarithm, 0 where the weight is 0 and the logarithm is not finite.

    0 log 0 = 0,   the limit of p log p, and what an event that never happens adds to an expectation

    Both gradients are 0 there, too, so that no nan comes back from it.

    Args:
        weight: probabilities, or what a term is weighed with.
        log_value: log-probabilities, log-weights, or differences of them; of a shape that broadcasts with the weight's.

    Returns:
        The products.
    """
    return weight * jnp.where((weight == 0) & ~jnp.isfinite(log_value), 0.0, log_value)


def where_possible(log_px_z: Float[Array, "..."], log_pz: Float[Array, "..."]) -> Float[Array, "..."]:
    """Log p(x|z), and -inf where p(z) is 0 and p(x|z) no number, as of a rate below 0: such a z cannot be."""
    return jnp.where((log_pz == -jnp.inf) & ~jnp.isfinite(log_px_z), -jnp.inf, log_px_z)


def logsumexp(log_values: Float[Array, "..."], axis: int = 0) -> Float[Array, "..."]:
    """Log sum_k exp(log_value_k) along an axis; where all are -inf it is -inf, with a gradient of 0 instead of nan."""
    none = jnp.all(log_values == -jnp.inf, axis=axis)
    some = jnp.where(jnp.expand_dims(none, axis), 0.0, log_values)
    return jnp.where(none, -jnp.inf, jax.nn.logsumexp(some, axis=axis))


def sum_event(terms: Float[Array, "..."], event_ndims: int) -> Float[Array, "..."]:
    """The sum over the trailing axes that make one example."""
    return jnp.sum(terms, axis=tuple(range(-event_ndims, 0)))


def flattened(array: Num[Array, "..."], event_ndims: int) -> Num[Array, "... d"]:
    """The same with the trailing axes that make one example as one."""
    batch_ndims = array.ndim - event_ndims
    return array.reshape(*array.shape[:batch_ndims], math.prod(array.shape[batch_ndims:]))


def all_in_unit_interval(x: Num[Array, "... d"]) -> Bool[Array, "..."]:
    """Whether all values along the last axis are from 0 to 1, and numbers."""
    return jnp.all((x >= 0) & (x <= 1), axis=-1)
