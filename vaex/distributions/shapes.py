"""One value, one number: what a density is asked for, and what it answers, checked by shapes alone while tracing.

Broadcasting would hide the rest: an image without its channel axis, or a distribution without its to_event, has a
log-density of some shape, and a mean over that is a number like any other.
"""

import functools
from collections.abc import Callable
from typing import Any, TypeVar

import jax
import jax.numpy as jnp
import numpyro.distributions as dist
from jaxtyping import Array, Float, PRNGKeyArray

from vaex.distributions.abilities import is_discrete, is_point
from vaex.errors import UsageError
from vaex.losses.arithmetic import widened
from vaex.model import Distribution, Value

Draw = TypeVar("Draw")
Shape = Any  # of an array, or of each array of a pytree, in its structure


@functools.singledispatch
def batch_shape(p: Distribution) -> tuple[int, ...]:
    """The shape of a distribution's log-densities of one value, where it says so: () is one event, as it should be."""
    return ()


@functools.singledispatch
def value_shape(p: Distribution) -> Shape:
    """The shape of one value, in the structure of one: those of a draw, unless a type says otherwise.

    None where a distribution has no draws, or sees to it itself.
    """
    try:
        return shape_of(jax.eval_shape(lambda: p.sample(jax.random.key(0))))
    except NotImplementedError:
        return None


def shape_of(value: Value) -> Shape:
    """The shape of an array, or of each array of a pytree."""
    return jax.tree.map(jnp.shape, value)


def log_density(name: str, p: Distribution, value: Value) -> Float[Array, ""]:
    """The log-density of one value, in nats: one number.

    Args:
        name: how p is written, as "p(x|z)".
        p: a distribution.
        value: one value of it; integers of less than 32 bits are widened, in which 300 trials would be 44.

    Raises:
        UsageError: p is a batch of distributions, value is no value of it, or its log-density is not one number.
    """
    check_value(name, p, value)
    found = p.log_prob(jax.tree.map(widened, value))
    check_number(name, found)
    return found


def check_value(name: str, p: Distribution, value: Value) -> None:
    """p is over one event, and value has its shape.

    Raises:
        UsageError: it is not, or has not.
    """
    check_event(name, p)
    expected = value_shape(p)
    if expected is not None and (found := shape_of(value)) != expected:
        raise UsageError(
            f"{name} is over values of shape {expected}, found one of shape {found}: give both the same "
            "shape; jax.vmap makes a batch of examples"
        )


def check_no_point(q: Distribution, prior: Distribution) -> None:
    """q has densities where p(z) has, so that a log-weight is one.

    Raises:
        UsageError: it is a point among densities.
    """
    if is_point(q) and not is_discrete(prior):
        raise UsageError(
            "q(z|x) is a point, whose KL to a density is infinite, so that there is no bound: use the objective "
            "reconstruction, or a q with a density"
        )


def check_event(name: str, p: object) -> None:
    """p is a distribution over one event.

    Raises:
        UsageError: it is none, or a batch of them.
    """
    match p:
        case object(sample=_, log_prob=_):
            pass
        case _:
            cure = "such as numpyro.distributions.Normal(mean, sigma).to_event(1)"
            raise UsageError(f"{name} is a {type(p).__name__}: expected a distribution, {cure}")
    if found := batch_shape(p):
        raise UsageError(
            f"{name} of one example has batch_shape {found}: expected (), one number for its log-density; "
            f"add .to_event({len(found)}); jax.vmap makes a batch of examples"
        )


def check_number(name: str, log_density: Value) -> None:
    """A log-density is one number.

    Raises:
        UsageError: it is an array of them.
    """
    if found := jnp.shape(log_density):
        raise UsageError(
            f"log {name} of one example has shape {found}: expected (), one number; sum over the event's dimensions, "
            f"as .to_event({len(found)}) does; jax.vmap makes a batch of examples"
        )


def check_shape(what: str, value: Value, expected: Shape) -> None:
    """A value has a shape.

    Raises:
        UsageError: it has another.
    """
    if (found := shape_of(value)) != expected:
        raise UsageError(
            f"found {what} of shape {found}: expected {expected}, that of one example; jax.vmap makes a batch"
        )


batch_shape.register(dist.Distribution, lambda p: p.batch_shape)
value_shape.register(dist.Distribution, lambda p: p.event_shape)


def for_each_draw(one: Callable[[PRNGKeyArray], Draw], key: PRNGKeyArray, sample_shape: tuple[int, ...]) -> Draw:
    """What a function of a key gives for each of so many draws, with a key of its own; for the key itself of ()."""
    for _ in sample_shape:
        one = jax.vmap(one)
    return one(jax.random.split(key, sample_shape) if sample_shape else key)
