"""Distributions whose draws lie nearer to the middle, or further from it: those of a temperature."""

import dataclasses
import functools
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpyro.distributions as dist

from vaex.distributions.abilities import normal_parameters
from vaex.distributions.chain import Chain, Link
from vaex.distributions.labelled import Labelled
from vaex.distributions.mixtures import DiagonalNormalMixture
from vaex.model import Distribution


@functools.singledispatch
def tempered(p: Distribution, temperature: float) -> Distribution | None:
    """A normal distribution, each component of a mixture, or each layer of a chain, with T times its deviation.

    N(mu, diag(sigma^2)) -> N(mu, diag(T^2 sigma^2))

    Args:
        p: a distribution over latents.
        temperature: T; at 0 draws are the means, a layer's given the mean above it.

    Returns:
        The distribution, from the same key of which the same noise is drawn; None of one that has no such deviation.

    Source: Vahdat and Kautz 2020, NVAE, section 4; Child 2021, for the layers of a hierarchy.
    """
    return None


@tempered.register(dist.Normal)
@tempered.register(dist.ExpandedDistribution)
def _(p: dist.Distribution, temperature: float) -> dist.Distribution | None:
    if (known := normal_parameters(p)) is None:
        return None
    mean, scale = known
    return dist.Normal(mean, temperature * scale, validate_args=False)  # of no width at 0


@tempered.register(dist.Independent)
def _(p: dist.Independent, temperature: float) -> Distribution | None:
    cooled = tempered(p.base_dist, temperature)
    return None if cooled is None else dist.Independent(cooled, p.reinterpreted_batch_ndims, validate_args=False)


@tempered.register(DiagonalNormalMixture)
def _(p: DiagonalNormalMixture, temperature: float) -> Distribution:
    return p._replace(log_var=p.log_var + 2 * jnp.log(temperature))


@tempered.register(dist.MultivariateNormal)
def _(p: dist.MultivariateNormal, temperature: float) -> Distribution:
    tril = temperature * jnp.asarray(p.scale_tril)
    return dist.MultivariateNormal(p.loc, scale_tril=tril, validate_args=False)  # of no width at 0


@tempered.register(dist.MixtureSameFamily)
def _(p: dist.MixtureSameFamily, temperature: float) -> Distribution | None:
    cooled = tempered(p.component_distribution, temperature)
    return None if cooled is None else dist.MixtureSameFamily(p.mixing_distribution, cooled, validate_args=False)


@tempered.register(Labelled)
def _(p: Labelled, temperature: float) -> Distribution | None:
    style = jax.vmap(lambda one: tempered(one, temperature))(p.given)
    return None if style is None else dataclasses.replace(p, given=style)


@tempered.register(Chain)
def _(p: Chain, temperature: float) -> Distribution | None:
    if not all(p.ask(lambda conditional: tempered(conditional, temperature) is not None)):
        return None

    def cooled(given: Callable[..., Distribution]) -> Callable:
        return lambda params, state: tempered(given(params, state), temperature)

    return dataclasses.replace(p, links=tuple(Link(cooled(link.given), link.then) for link in p.links))
