"""Examples of which a part is observed, and the distribution of that part."""

import functools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, PRNGKeyArray, Shaped

from vaex.distributions import abilities, shapes
from vaex.errors import UsageError
from vaex.losses.arithmetic import widened
from vaex.model import Distribution, Example, Given, Value


class Masked(NamedTuple):
    """An example with what is observed of it; the values elsewhere have no influence on anything, even nan."""

    x: Shaped[Array, "..."]
    mask: Bool[Array, "..."]  # of the same shape; True where x is observed

    def filled(self, value: Value = None) -> Shaped[Array, "..."]:
        """x with a value, or with those of an array, where it is missing; None is a zero of x's dtype.

        Raises:
            UsageError: a mask of another shape than x.
        """
        if jnp.shape(self.x) != jnp.shape(self.mask):
            raise UsageError(
                f"found a mask of shape {jnp.shape(self.mask)} with an x of shape {jnp.shape(self.x)}: "
                "expected the same, True where x is observed"
            )
        return jnp.where(self.mask, self.x, jnp.zeros((), jnp.result_type(self.x)) if value is None else value)


@functools.singledispatch
def filled(x: Example, value: Value) -> Value:
    """An example with a value, or those of an array, where something is missing; one without a mask as it is."""
    return x


filled.register(Masked, lambda x, value: x.filled(value))


def draw_like(key: PRNGKeyArray, p: Distribution, x: Example) -> Example:
    """A draw from p(x|z) as an example like x: of its types, integers of 32 bits, and with as much of it missing.

    Raises:
        UsageError: an example of whole numbers, which no draw from a density is.
    """
    return _seen_as(x, p, p.sample(key))


@functools.singledispatch
def _seen_as(x: Example, p: Distribution, drawn: Value) -> Example:
    def cast(value: Value, like: Value) -> Array:
        dtype = jnp.result_type(like)
        if not jnp.issubdtype(dtype, jnp.floating) and not abilities.is_discrete(p):
            raise UsageError(f"found an x of {dtype} for a p(x|z) that is a density: give x.astype(float)")
        return jnp.asarray(value, jnp.result_type(widened(like)))

    return jax.tree.map(cast, drawn, x)


_seen_as.register(Given, lambda x, p, drawn: x._replace(x=_seen_as(x.x, p, drawn)))
_seen_as.register(Masked, lambda x, p, drawn: x._replace(x=_seen_as.dispatch(object)(x.x, p, drawn)))


@functools.singledispatch
def observed_size(examples: Example, size: int) -> float:
    """How many elements of an example are modelled, on average: all `size`, or those observed of Masked examples."""
    return size


@observed_size.register(Masked)
def _(examples: Masked, size: int) -> float:
    return float(jnp.sum(examples.mask) / len(examples.mask))


class ObservedPart(NamedTuple):
    """p(x_observed|z) of a likelihood whose factors are independent; its draws and its mean are of the whole x."""

    whole: Any  # p(x|z), a numpyro distribution

    def sample(self, key: PRNGKeyArray, sample_shape: tuple[int, ...] = ()) -> Value:
        return self.whole.sample(key, sample_shape)

    def log_prob(self, value: Masked) -> Float[Array, "..."]:
        x, dims = value.filled(), self.whole.reinterpreted_batch_ndims
        return self.whole.base_dist.mask(value.mask).to_event(dims).log_prob(x)

    @property
    def mean(self) -> Value:
        """E[x|z]."""
        return self.whole.mean


shapes.batch_shape.register(ObservedPart, lambda q: shapes.batch_shape(q.whole))
shapes.value_shape.register(ObservedPart, lambda q: Masked(shapes.value_shape(q.whole), shapes.value_shape(q.whole)))
abilities.average.register(ObservedPart, lambda p: abilities.average(p.whole))
abilities.mean.register(ObservedPart, lambda q: abilities.mean(q.whole))
abilities.is_discrete.register(ObservedPart, lambda q: abilities.is_discrete(q.whole))
abilities.has_gradient.register(ObservedPart, lambda q: abilities.has_gradient(q.whole))
