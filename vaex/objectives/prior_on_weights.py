"""Maximum a posteriori: a log-prior on the weights, per example."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from vaex.errors import check_positive, check_whole
from vaex.losses.arithmetic import at_least_float32
from vaex.model import Params


def weight_penalty(params: Params, *, sigma: float, num_train: int) -> Float[Array, ""]:
    """Minus a Gaussian log-prior on all parameters, per example and without its constant: for Recipe.penalty.

    -1/N log N(theta; 0, sigma^2 I) = |theta|^2 / (2 sigma^2 N) + const

    Args:
        params: a pytree of arrays.
        sigma: the prior's standard deviation; Kingma and Welling use 1.
        num_train: N.

    Returns:
        Nats per example, to be minimised.

    Raises:
        OptionError: sigma or num_train not above 0.

    Source: Kingma and Welling 2013, section 5 and appendix F.
    """
    check_positive(sigma=sigma)
    check_whole(num_train=num_train)
    squares = sum(jnp.sum(at_least_float32(leaf) ** 2) for leaf in jax.tree.leaves(params))
    return jnp.asarray(squares / (2 * sigma**2 * num_train))
