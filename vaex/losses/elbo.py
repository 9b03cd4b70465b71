"""The sum of a negative log-likelihood and a KL."""

from __future__ import annotations

from typing import TYPE_CHECKING

import jax.numpy as jnp

from vaex.errors import UsageError, check_finite
from vaex.losses.arithmetic import at_least_float32, times

if TYPE_CHECKING:
    import numpy as np
    from jaxtyping import Array, Float

    Floats = Float[Array | np.ndarray, "..."]  # what is given
    Values = Float[Array, "..."]  # what comes of it


def negative_elbo(nll: Floats, kl: Floats, *, beta: Floats | float = 1.0) -> Values:
    """The loss of a variational autoencoder.

    loss = nll + beta * kl

    Args:
        nll: -log p(x|z), [...].
        kl: KL(q(z|x) || p(z)), [...].
        beta: weight of the KL; 1 is the negative ELBO, anything else is no bound on -log p(x). At 0 an infinite KL
            counts for nothing.

    Returns:
        Nats, [...], to be minimised. Shapes that differ, and a negative beta, raise a UsageError.

    Source: Kingma and Welling 2013, equation 3; beta as in Higgins et al. 2017, equation 4.
    """
    check_finite(0, beta=beta)
    found, kl_shape = jnp.shape(nll), jnp.shape(kl)
    if found != kl_shape or jnp.shape(beta) not in ((), found):
        what = f"nll has shape {found}, kl {kl_shape} and beta {jnp.shape(beta)}"
        raise UsageError(f"{what}: expected one of each per example; event_ndims=3 sums a loss over [H, W, C]")
    return at_least_float32(nll) + times(at_least_float32(beta), at_least_float32(kl))
