"""Likelihoods p(x|z): what the raw output of a decoder means."""

import jax.numpy as jnp
import numpyro.distributions as dist
from jax.typing import ArrayLike
from jaxtyping import Array, Float

from vaex.distributions import IndependentBernoulli
from vaex.model import Distribution, Family, Params


def bernoulli() -> Family:
    """The likelihood p(x|z) = prod_j Bernoulli(x_j; sigmoid(raw_j)).

    Source: Kingma and Welling 2013, appendix C.1.
    """
    return Family(init=lambda key: {}, apply=lambda params, raw: IndependentBernoulli(raw, raw.ndim))


def normal_fixed(sigma: float) -> Family:
    """The likelihood p(x|z) = N(raw, sigma^2 I) with sigma given."""
    return Family(
        init=lambda key: {},
        apply=lambda params, raw: dist.Normal(raw, jnp.full_like(raw, sigma)).to_event(raw.ndim),
    )


def normal_learned(sigma: ArrayLike) -> Family:
    """The likelihood p(x|z) = N(raw, diag(sigma^2)) with sigma learned, the same for every z.

    Args:
        sigma: where learning starts. A scalar is one sigma for all pixels, an array of x's shape one for each.

    Source: the scalar as in Rybkin, Daniilidis and Levine 2021.
    """

    def apply(params: Params, raw: Float[Array, "..."]) -> Distribution:
        return dist.Normal(raw, jnp.broadcast_to(jnp.exp(params["log_sigma"]), raw.shape)).to_event(raw.ndim)

    return Family(init=lambda key: {"log_sigma": jnp.log(jnp.asarray(sigma, jnp.float32))}, apply=apply)
