"""Where the draws of a distribution may lie, and free numbers for them: functions on which its type registers."""

import functools
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpyro.distributions as dist
from jaxtyping import Array, Float
from numpyro.distributions import biject_to

from vaex.errors import UsageError
from vaex.model import Distribution, Value

_FAR = 80.0  # a number that stands for an edge: exp(-80) is nearly the least that 32 bits tell from 0


class Coordinates(NamedTuple):
    """Numbers on the whole real line, in the structure of a value, for each value of a support.

    log p(numbers) = log p(value(numbers)) + log_det(numbers)
    """

    value: Callable[[Value], Value]
    numbers: Callable[[Value], Value]  # and back
    log_det: Callable[[Value], Float[Array, ""]]  # log |d value / d numbers|


@functools.singledispatch
def moves_its_support(q: Distribution) -> bool:
    """Whether where q has a density depends on parameters that are learned, so that its score has not mean zero.

    E_q[d/dphi log q(z)] = 0   where the support stays, and not of a uniform q between ends that move

    Ends of a truncated distribution are taken to stay.
    """
    return False


@functools.singledispatch
def nearest(p: Distribution, z: Value) -> Value:
    """What p may draw nearest to z: z itself, but on a sphere, within which means lie and what is between."""
    return z


nearest.register(dist.MixtureSameFamily, lambda p, z: nearest(p.component_distribution, z))


@functools.singledispatch
def coordinates(p: Distribution) -> Coordinates:
    """Free numbers for the values of a continuous distribution, in which no step leads out of its support.

    Of a type that is not known its values themselves; of numpyro's by `biject_to`, of a simplex one fewer.

    Raises:
        UsageError: a support that free numbers do not map to, as numpyro's sphere.
    """
    return Coordinates(lambda numbers: numbers, lambda value: value, lambda numbers: jnp.array(0.0))


def sizes(p: Distribution) -> tuple[int, int]:
    """How many numbers a value of a continuous distribution has, and how many free ones stand for it.

    On a surface these are fewer.
    """
    z = jax.eval_shape(lambda: p.sample(jax.random.key(0)))
    numbers = jax.eval_shape(coordinates(p).numbers, z)
    own, free = (sum(leaf.size for leaf in jax.tree.leaves(tree)) for tree in (z, numbers))
    return own, free


@coordinates.register(dist.Distribution)
def _(p: dist.Distribution) -> Coordinates:
    if p.support is None:
        return coordinates.dispatch(object)(p)
    try:
        to = biject_to(p.support)
    except NotImplementedError:
        raise UsageError(
            f"no free numbers stand for the values of {type(p).__name__}, p(z): use inference.importance, or "
            "a p(z) of free numbers that decode maps there; on a sphere UniformOnSphere"
        ) from None

    def numbers(value: Value) -> Value:
        found = to.inv(value)
        is_rounded = jnp.isinf(found) & jnp.all(jnp.isfinite(value))  # onto an edge, as draws of Gamma(0.1) are
        return jnp.where(is_rounded, jnp.sign(found) * _FAR, found)

    return Coordinates(to, numbers, lambda numbers: jnp.sum(to.log_abs_det_jacobian(numbers, to(numbers))))


@coordinates.register(dist.VonMises)
def _(p: dist.VonMises) -> Coordinates:
    """The circle cut open where the density is least, since no step crosses the cut."""
    line = biject_to(dist.constraints.interval(-jnp.pi, jnp.pi))
    wrapped = lambda angle: jnp.mod(angle + jnp.pi, 2 * jnp.pi) - jnp.pi
    log_det = lambda numbers: jnp.sum(line.log_abs_det_jacobian(numbers, line(numbers)))
    return Coordinates(lambda numbers: wrapped(p.loc + line(numbers)), lambda z: line.inv(wrapped(z - p.loc)), log_det)


coordinates.register(dist.Independent, lambda p: coordinates(p.base_dist))
for _between in (dist.Uniform, dist.LogUniform, dist.Pareto):
    moves_its_support.register(_between, lambda q: True)
for _wrapper in (dist.Independent, dist.ExpandedDistribution, dist.MaskedDistribution):
    moves_its_support.register(_wrapper, lambda q: moves_its_support(q.base_dist))
    nearest.register(_wrapper, lambda p, z: nearest(p.base_dist, z))
