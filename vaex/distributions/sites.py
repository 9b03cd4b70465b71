"""The discrete variables that a value is made of, each of few values: a function on which a distribution registers."""

import functools
from collections.abc import Callable
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
from jaxtyping import Array, Int

from vaex.distributions.states import values_of
from vaex.errors import UsageError
from vaex.model import Distribution, Value


class Sites(NamedTuple):
    """N discrete variables, each with a code for its value, from 0."""

    num_values: tuple[int, ...]  # of each variable
    value: Callable[[Int[Array, " n"]], Value]  # codes -> the value that they make
    codes: Callable[[Value], Int[Array, " n"]]  # and back


@functools.singledispatch
def sites(q: Distribution) -> Sites:
    """The variables of a discrete distribution, which need not be independent.

    Raises:
        UsageError: a variable has no list of its values.
    """
    raise UsageError(
        f"{type(q).__name__} has no list of its values, which moves among discrete variables need: use "
        "inference.importance or inference.rejection, or inference.hmc or inference.nuts where all of z is continuous"
    )


def has_sites(q: Distribution) -> bool:
    """Whether a distribution is of discrete variables that have lists of their values."""
    try:
        return bool(sites(q))
    except UsageError:
        return False


def joined(parts: dict[str, Sites]) -> Sites:
    """The variables of several distributions, whose values are a dict."""
    ends = np.cumsum([len(part.num_values) for part in parts.values()])[:-1]

    def value(codes: Int[Array, " n"]) -> Value:
        split = jnp.split(codes, ends)
        return {name: part.value(own) for (name, part), own in zip(parts.items(), split, strict=True)}

    def codes(value: Value) -> Int[Array, " n"]:
        return jnp.concatenate([part.codes(value[name]) for name, part in parts.items()])

    return Sites(sum((part.num_values for part in parts.values()), ()), value, codes)


@sites.register(dist.Distribution)
def _(q: dist.Distribution) -> Sites:
    if q.batch_shape or (values := values_of(q)) is None:
        return sites.dispatch(object)(q)
    return _alike(values, (), q.event_shape)


@sites.register(dist.Independent)
def _(q: dist.Independent) -> Sites:
    base = q.base_dist
    if q.batch_shape or (values := values_of(base, expand=False)) is None:
        return sites.dispatch(object)(q)
    return _alike(values, base.batch_shape, base.event_shape)


def _alike(values: Array, shape: tuple[int, ...], event_shape: tuple[int, ...]) -> Sites:
    """An array of variables of this shape, all with the same values."""
    values = values.reshape(-1, *event_shape)

    def codes(value: Value) -> Int[Array, " n"]:
        apart = values != value.reshape(-1, 1, *event_shape)
        return jnp.argmin(apart.reshape(*apart.shape[:2], -1).sum(-1), axis=1)

    return Sites((len(values),) * int(np.prod(shape)), lambda c: values[c].reshape(*shape, *event_shape), codes)
