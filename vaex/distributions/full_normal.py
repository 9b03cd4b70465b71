"""The closed-form KL of a normal distribution with a full covariance to one with a diagonal, which numpyro lacks."""

from typing import Any

import jax.numpy as jnp
import numpyro.distributions as dist
from jaxtyping import Array, Float

from vaex.distributions.abilities import kl_between, normal_parameters


@kl_between(dist.MultivariateNormal, dist.Independent)
def _kl_full_diagonal(p: Any, q: dist.Independent) -> Float[Array, "..."]:
    parameters = normal_parameters(q.base_dist)
    if parameters is None or q.reinterpreted_batch_ndims != 1:
        raise NotImplementedError
    mean, scale = parameters
    log_ratio = jnp.log(jnp.diagonal(p.scale_tril, axis1=-2, axis2=-1)) - jnp.log(scale)
    square = ((p.loc - mean) / scale) ** 2 + jnp.sum((p.scale_tril / scale[..., None]) ** 2, axis=-1)
    return jnp.sum(0.5 * (square - 1) - log_ratio, axis=-1)
