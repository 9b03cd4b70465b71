"""A distribution as numbers without constraints, and back: a function on which its type registers."""

import dataclasses
import functools
from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
import numpyro.distributions as dist
from jaxtyping import Array
from numpyro.distributions import biject_to

from vaex.distributions.chain import Chain
from vaex.distributions.flows import Flow
from vaex.distributions.mixtures import DiagonalNormalMixture
from vaex.errors import UsageError
from vaex.model import Distribution, Params

Free = tuple[Params, Callable[[Params], Any]]


@functools.singledispatch
def free(q: Distribution) -> Free:
    """What gradients may move of a distribution: numbers on the whole real line, and what makes it again of them.

    >>> numbers, again = free(q)  # again(numbers) is q

    Raises:
        UsageError: a type of which that is not known.
    """
    raise UsageError(
        f"what may be moved of {type(q).__name__} is not known: register it in vaex.distributions.free, or start from "
        "a distribution that is known, such as a diagonal Gaussian"
    )


@free.register(dist.Distribution)
def _(q: dist.Distribution) -> Free:
    return _by_arguments(q, q.batch_shape)


@free.register(dist.ExpandedDistribution)
def _(q: dist.ExpandedDistribution) -> Free:  # each of what were copies by itself
    return _by_arguments(q.base_dist, q.batch_shape)


def _by_arguments(q: dist.Distribution, batch_shape: tuple[int, ...]) -> Free:
    arguments = q.get_args()
    if not arguments:
        return free.dispatch(object)(q)
    try:
        numbers, again = _transformed(q, batch_shape, arguments)
        again(numbers)
    except (NotImplementedError, TypeError):  # of a constraint without a map, or a type that is made otherwise
        return free.dispatch(object)(q)
    return numbers, again


@free.register(dist.MultivariateNormal)
def _(q: dist.MultivariateNormal) -> Free:  # which has its covariance in three ways
    return _transformed(q, q.batch_shape, {"loc": q.loc, "scale_tril": q.scale_tril})


@free.register(dist.Independent)
def _(q: dist.Independent) -> Free:
    numbers, again = free(q.base_dist)
    return numbers, lambda numbers: again(numbers).to_event(q.reinterpreted_batch_ndims)


@free.register(dist.MixtureSameFamily)
def _(q: dist.MixtureSameFamily) -> Free:
    (weights, mixing), (parts, component) = free(q.mixing_distribution), free(q.component_distribution)
    return (weights, parts), lambda numbers: dist.MixtureSameFamily(mixing(numbers[0]), component(numbers[1]))


@free.register(Flow)
def _(q: Flow) -> Free:
    base, again = free(q.base)
    return (base, q.params, q.context), lambda numbers: Flow(again(numbers[0]), numbers[1], numbers[2], q.bijection)


@free.register(Chain)
def _(q: Chain) -> Free:
    return (q.params, q.state), lambda numbers: dataclasses.replace(q, params=numbers[0], state=numbers[1])


free.register(DiagonalNormalMixture, lambda q: (tuple(q), lambda numbers: DiagonalNormalMixture(*numbers)))


def _transformed(q: dist.Distribution, batch_shape: tuple[int, ...], arguments: dict[str, Any]) -> Free:
    kind: Callable[..., dist.Distribution] = type(q)
    maps = {name: biject_to(q.arg_constraints[name]) for name in arguments}

    def whole(name: str, value: Array) -> Array:
        """One number for each element, where q has one for all."""
        own = value.shape[value.ndim - q.arg_constraints[name].event_dim :]
        return jnp.broadcast_to(value, batch_shape + own)

    numbers = {name: maps[name].inv(whole(name, jnp.asarray(value))) for name, value in arguments.items()}
    return numbers, lambda numbers: kind(**{name: maps[name](number) for name, number in numbers.items()})
