"""Where the draws of a distribution may lie: functions on which its type registers."""

import functools

import numpyro.distributions as dist
from numpyro.distributions import biject_to, constraints

from vaex.model import Distribution


@functools.singledispatch
def moves_its_support(q: Distribution) -> bool:
    """Whether where q has a density depends on parameters that are learned, so that its score has not mean zero.

    E_q[d/dphi log q(z)] = 0   where the support stays, and not of a uniform q between ends that move

    Ends of a truncated distribution are taken to stay.
    """
    return False


@functools.singledispatch
def lies_on_a_surface(p: Distribution) -> bool:
    """Whether draws lie on a surface among all values of their shape, such as a simplex, on which no step stays."""
    return False


@lies_on_a_surface.register(dist.Distribution)
def _(p: dist.Distribution) -> bool:
    shape = p.batch_shape + p.event_shape
    try:  # whether there are fewer numbers without constraints
        return p.support is constraints.sphere or biject_to(p.support).inverse_shape(shape) != shape
    except (NotImplementedError, AttributeError, TypeError, ValueError):  # of a support that nothing maps to
        return False


for _between in (dist.Uniform, dist.LogUniform, dist.Pareto):
    moves_its_support.register(_between, lambda q: True)
for _wrapper in (dist.Independent, dist.ExpandedDistribution, dist.MaskedDistribution):
    moves_its_support.register(_wrapper, lambda q: moves_its_support(q.base_dist))
    lies_on_a_surface.register(_wrapper, lambda q: lies_on_a_surface(q.base_dist))
