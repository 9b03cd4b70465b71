"""Posteriors q(z|x): what the raw output of an encoder means, its log-variances kept within +-40 by scales.py."""

import jax.numpy as jnp
import numpyro.distributions as dist
from jaxtyping import Array, Float

from vaex.distributions import DiagonalNormalMixture, OneHotCategorical
from vaex.distributions.flows import Bijection, Flow
from vaex.model import Distribution, Family, Params
from vaex.models.scales import bounded_log_var, scale_of


def diagonal_normal() -> Family:
    """The posterior q(z|x) = N(mean, diag(exp(log_var))), where raw = [mean, log_var].

    Source: Kingma and Welling 2013, equation 9.
    """

    def apply(params: Params, raw: Float[Array, " two_d"]) -> Distribution:
        mean, log_var = jnp.split(raw, 2, axis=-1)
        return dist.Normal(mean, scale_of(log_var)).to_event(1)

    return Family(init=lambda key: {}, apply=apply)


def full_normal(latent_dim: int) -> Family:
    """The posterior N(mean, L L^T), where raw = [mean, log_var, lower] and L has exp(log_var / 2) on its diagonal.

    Args:
        latent_dim: d; `lower` is what lies below L's diagonal, row by row, [d (d - 1) / 2].

    Source: Kingma and Welling 2019, an introduction to variational autoencoders, section 2.5.1.
    """

    def apply(params: Params, raw: Float[Array, " n"]) -> Distribution:
        mean, log_var, lower = jnp.split(raw, [latent_dim, 2 * latent_dim])
        scale_tril = jnp.diag(scale_of(log_var)).at[jnp.tril_indices(latent_dim, -1)].set(lower)
        return dist.MultivariateNormal(mean, scale_tril=scale_tril)

    return Family(init=lambda key: {}, apply=apply)


def normal_mixture() -> Family:
    """The posterior q(z|x) = sum_j w_j N(z; mean_j, diag(exp(log_var_j))), raw = [logits, mean, log_var], [J, 2d + 1].

    Its draws carry no gradient to the w_j: elbo, stl and iwae draw from each component instead.

    Source: Morningstar et al. 2021, automatic differentiation variational inference with mixtures.
    """

    def apply(params: Params, raw: Float[Array, "j n"]) -> Distribution:
        mean, log_var = jnp.split(raw[:, 1:], 2, axis=-1)
        return DiagonalNormalMixture(raw[:, 0], mean, bounded_log_var(log_var))

    return Family(init=lambda key: {}, apply=apply)


def flow(latent_dim: int, bijection: Bijection) -> Family:
    """The posterior of f(z_0), z_0 ~ N(mean, diag(exp(log_var))), where raw = [mean, log_var, context].

    Args:
        latent_dim: d.
        bijection: f, which the context tells of x.

    Source: Rezende and Mohamed 2015, section 4.2; Kingma et al. 2016, algorithm 1.
    """

    def apply(params: Params, raw: Float[Array, " n"]) -> Distribution:
        mean, log_var, context = jnp.split(raw, [latent_dim, 2 * latent_dim])
        return Flow(dist.Normal(mean, scale_of(log_var)).to_event(1), params, context, bijection)

    return Family(bijection.init, apply)


def one_hot_categorical() -> Family:
    """The posterior of a one-hot vector, raw its logits [classes], or of independent ones, [latent_dim, classes].

    Source: Jang, Gu and Poole 2017, section 4.
    """
    return Family(init=lambda key: {}, apply=lambda params, raw: OneHotCategorical(raw).to_event(raw.ndim - 1))
