"""Posteriors q(z|x): what the raw output of an encoder means, its log-variances kept within +-40 by scales.py."""

from collections.abc import Callable
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
from jaxtyping import Array, Float, PRNGKeyArray

from vaex.distributions import DiagonalNormalMixture, OneHotCategorical, PowerSpherical
from vaex.distributions.flows import Bijection, Flow
from vaex.distributions.unit_vectors import unit
from vaex.errors import check_finite, check_positive
from vaex.model import Distribution, Family, Params, Raw
from vaex.models.scales import bounded_log_concentration, bounded_log_var, scale_of
from vaex.networks.pairs import Shape


class Posterior(NamedTuple):
    """A Family with what a model is built of around it."""

    init: Callable[[PRNGKeyArray], Params]
    apply: Callable[..., Distribution]  # (params, raw) -> q(z|x)
    raw_shape: Shape  # of the encoder's output
    given: tuple[Family, Shape] | None = None  # of a network's p(z|c), and its raw shape; None: diagonal Gaussians
    uniform: Family | None = None  # the uniform p(z) of values that are no vectors of any real numbers

    @property
    def prior(self) -> str:
        """In PRIORS, where none is named."""
        return "standard" if self.uniform is None else "uniform"


def starting_at(sigma: float, family: Family, log_var: slice) -> Family:
    """The family whose log-variances, a slice of the raw output, are those of sigma where the output is zero.

    A narrow q tells the decoder of x from the first step on. One as wide as the prior is noise to it at first, which
    networks with relu learn to shut out by units that are zero for every x: the collapse that they do not come back
    from.

    Raises:
        OptionError: a sigma that is not positive, or whose log-variance is beyond what stays as it is.
    """
    check_positive(sigma=sigma)
    check_finite(3.1e-7, 3.2e6, sigma=sigma)  # exp(-15) and exp(15), as bounded_log_var has them

    def apply(params: Params, raw: Raw) -> Distribution:
        is_log_var = np.zeros(raw.shape[-1])
        is_log_var[log_var] = 1.0
        return family.apply(params, raw + jnp.asarray(2 * jnp.log(sigma) * is_log_var, raw.dtype))

    return Family(family.init, apply)


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


def power_spherical(concentration: float = 1.0) -> Family:
    """The posterior on the unit sphere about raw[:-1], of the concentration 1 + concentration * exp(raw[-1]).

    As wide as the prior it would tell nothing of its direction, nor would a gradient bring it back: hence the 1.

    Source: Davidson et al. 2018, hyperspherical variational auto-encoders, section 3, there of von Mises and Fisher's
        distribution; the power spherical one of De Cao and Aziz 2020.
    """

    def apply(params: Params, raw: Float[Array, " d_1"]) -> Distribution:
        return PowerSpherical(unit(raw[:-1]), 1 + concentration * jnp.exp(bounded_log_concentration(raw[-1])))

    return Family(init=lambda key: {}, apply=apply)


def one_hot_categorical() -> Family:
    """The posterior of a one-hot vector, raw its logits [classes], or of independent ones, [latent_dim, classes].

    Source: Jang, Gu and Poole 2017, section 4.
    """
    return Family(init=lambda key: {}, apply=lambda params, raw: OneHotCategorical(raw).to_event(raw.ndim - 1))
