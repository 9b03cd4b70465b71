"""KL(q || p) in closed form, of all that numpyro knows and of what it lacks."""

from collections.abc import Callable
from typing import Any, TypeVar

import jax.numpy as jnp
import numpyro.distributions as dist
from jaxtyping import Array, Float
from numpyro.distributions import kl_divergence

from vaex.distributions.abilities import factors, normal_parameters
from vaex.distributions.shapes import batch_shape, value_shape
from vaex.errors import UsageError
from vaex.model import Distribution

KL = TypeVar("KL", bound=Callable)


def kl_per_dimension(q: Distribution, p: Distribution) -> Float[Array, " d"] | None:
    """KL(q || p) of each dimension of a vector, in nats; None where q or p does not factorize or none is known.

    KL_j = KL(q(z_j|x) || p(z_j))

    Raises:
        UsageError: q and p are not over values of one shape.
    """
    ours, others = factors(q), factors(p)
    if ours is None or others is None:
        return None
    if (found := value_shape(q)) != (expected := value_shape(p)):
        raise UsageError(f"q is over values of shape {found}, and p of {expected}: give both the same shape")
    return closed_form_kl(ours, others) if len(batch_shape(ours)) == 1 else None


def closed_form_kl(q: Distribution, p: Distribution) -> Float[Array, "*batch"] | None:
    """KL(q || p) in nats, or None where no closed form is known."""
    try:
        return kl_divergence(q, p)  # pyright: ignore[reportArgumentType]
    except NotImplementedError:
        return None


def kl_between(q: type, p: type) -> Callable[[KL], KL]:
    """Register the closed form of KL(q || p) of two types of distributions, where numpyro looks for it."""
    return kl_divergence.register(q, p)  # pyright: ignore[reportFunctionMemberAccess]


@kl_between(dist.MultivariateNormal, dist.Independent)
def _kl_full_diagonal(p: Any, q: dist.Independent) -> Float[Array, "..."]:
    parameters = normal_parameters(q.base_dist)
    if parameters is None or q.reinterpreted_batch_ndims != 1:
        raise NotImplementedError
    mean, scale = parameters
    log_ratio = jnp.log(jnp.diagonal(p.scale_tril, axis1=-2, axis2=-1)) - jnp.log(scale)
    square = ((p.loc - mean) / scale) ** 2 + jnp.sum((p.scale_tril / scale[..., None]) ** 2, axis=-1)
    return jnp.sum(0.5 * (square - 1) - log_ratio, axis=-1)


@kl_between(dist.Kumaraswamy, dist.Beta)
def _kl_kumaraswamy_beta(p: dist.Kumaraswamy, q: dist.Beta) -> Array:
    """None is known: numpyro's is a series that is cut off, by two nats too low and below zero for some."""
    raise NotImplementedError
