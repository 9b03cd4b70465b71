"""Posteriors q(z|x): what the raw output of an encoder means."""

import jax.numpy as jnp
import numpyro.distributions as dist
from jaxtyping import Array, Float

from vaex.distributions import OneHotCategorical
from vaex.model import Distribution, Family, Params


def diagonal_normal() -> Family:
    """The posterior q(z|x) = N(mean, diag(exp(log_var))), where raw = [mean, log_var].

    Source: Kingma and Welling 2013, equation 9.
    """

    def apply(params: Params, raw: Float[Array, " two_d"]) -> Distribution:
        mean, log_var = jnp.split(raw, 2, axis=-1)
        return dist.Normal(mean, jnp.exp(0.5 * log_var)).to_event(1)

    return Family(init=lambda key: {}, apply=apply)


def one_hot() -> Family:
    """The posterior of a one-hot vector, raw its logits [classes], or of independent ones, [latent_dim, classes].

    Source: Jang, Gu and Poole 2017, section 4.
    """
    return Family(init=lambda key: {}, apply=lambda params, raw: OneHotCategorical(raw).to_event(raw.ndim - 1))
