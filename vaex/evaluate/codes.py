"""How much of its codebook a VQ-VAE uses."""

import jax.numpy as jnp
from jaxtyping import Array, Float, Int


def codebook_use(indices: Int[Array, "..."], num_codes: int) -> tuple[Float[Array, ""], Float[Array, ""]]:
    """How much of a codebook is in use.

    Args:
        indices: of the codes of any number of examples.
        num_codes: K.

    Returns:
        The fraction of the codes that occur, and the perplexity exp(-sum_k p_k log p_k), from 1 to K.
    """
    p = jnp.bincount(indices.ravel(), length=num_codes) / indices.size
    return jnp.mean(p > 0), jnp.exp(-jnp.sum(jnp.where(p > 0, p * jnp.log(jnp.where(p > 0, p, 1.0)), 0.0)))
