"""The variance of a distribution, where it is known."""

import functools

import jax.numpy as jnp
import numpyro.distributions as dist

from vaex.distributions.codes import Quantized
from vaex.model import Distribution, Latent


@functools.singledispatch
def variance(q: Distribution) -> Latent | None:
    """Var_q[z] of each latent, or None where no closed form is known."""
    return None


@variance.register(dist.Distribution)
def _(q: dist.Distribution) -> Latent | None:
    try:
        return q.variance
    except (AttributeError, NotImplementedError):
        return None


variance.register(dist.Independent, lambda q: variance(q.base_dist))
for _wrapper in (dist.ExpandedDistribution, dist.MaskedDistribution):
    variance.register(_wrapper, lambda q: None if variance(q.base_dist) is None else q.variance)
for _categorical in (dist.CategoricalProbs, dist.CategoricalLogits):  # numpyro's is nan
    variance.register(_categorical, lambda q: None)
variance.register(dist.VonMises, lambda q: None)  # numpyro's is that of a direction
variance.register(Quantized, lambda q: jnp.zeros_like(q.mean))
