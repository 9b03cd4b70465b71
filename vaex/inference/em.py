"""Expectation maximization: the M-step of a Gaussian mixture."""

import jax.numpy as jnp
from jaxtyping import Array, Float

from vaex.errors import UsageError
from vaex.models.mixture import GaussianMixture


def maximize(x: Float[Array, "n d"], responsibilities: Float[Array, "n k"]) -> GaussianMixture:
    """The mixture that maximises the expected log-joint: the M-step of EM, and with one-hot rows a start from clusters.

    argmax sum_ik r_ik log p(x_i, z_i = k)

    Args:
        x: data, [n, d].
        responsibilities: r, the probability of each component for each example, [n, k].

    Returns:
        The mixture, its covariances full.

    Raises:
        UsageError: a component with no more examples than dimensions, whose covariance is singular.

    Source: Dempster, Laird and Rubin 1977.
    """
    counts = jnp.sum(responsibilities, axis=0)
    mean = responsibilities.T @ x / counts[:, None]
    centred = x - mean[:, None]  # [k, n, d]
    covariance = jnp.einsum("nk,kni,knj->kij", responsibilities, centred, centred) / counts[:, None, None]
    scale_tril = jnp.linalg.cholesky(covariance)
    if not jnp.isfinite(scale_tril).all():
        raise UsageError(
            f"a component with {float(counts.min()):.1f} of {len(x)} examples has no covariance in {x.shape[1]} "
            "dimensions: use fewer components, or more data"
        )
    return GaussianMixture(jnp.log(counts / counts.sum()), mean, scale_tril)
