"""The codes of a VQ-VAE: moving averages of the encoder's vectors that are nearest to each."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from vaex.distributions.codes import nearest

_DEAD = 0.5  # vectors of a batch, on average, below which a code starts again; with few vectors for each code
_DEAD_SHARE = 0.05  # of an even share of them
_TINY = 1e-12  # where every vector is a code, each may be drawn


class Codebook(NamedTuple):
    """K codes, and how many of a batch's vectors each was nearest to, on average."""

    codes: Float[Array, "k d"]
    counts: Float[Array, " k"]


def update_codebook(
    key: PRNGKeyArray, codebook: Codebook, vectors: Float[Array, "n d"], *, decay: float = 0.99
) -> Codebook:
    """Each code a moving average of the vectors nearest to it; a code that few are nearest to starts again.

    N_k <- decay N_k + (1 - decay) n_k,   N_k e_k <- decay N_k e_k + (1 - decay) sum_{i: k(i) = k} v_i

    A code with N_k below 1/2 (or 5% of n / K, if that is less) becomes one of the vectors, drawn with probability
    proportional to its squared distance from its code, as k-means++ draws a next start. It then has twice the least
    N_k: a few dozen batches to find its vectors.

    Args:
        key: a PRNG key, for codes that start again.
        codebook: K codes and their counts; with counts of 0 they start from vectors.
        vectors: the encoder's, of a whole batch.
        decay: of the averages, at each batch.

    Returns:
        The codebook after this batch.

    Source: van den Oord et al. 2017, appendix A.1; Arthur and Vassilvitskii 2007 for the draw.
    """
    codes, counts = codebook
    own = nearest(vectors, codes)
    hot = jax.nn.one_hot(own, len(codes))
    sums = jnp.matmul(hot.T, vectors, precision="highest")
    totals = decay * counts[:, None] * codes + (1 - decay) * sums
    counts = decay * counts + (1 - decay) * jnp.sum(hot, axis=0)
    distance = jnp.sum((vectors - codes[own]) ** 2, axis=-1) + _TINY
    starts = vectors[jax.random.choice(key, len(vectors), (len(codes),), p=distance / jnp.sum(distance))]
    least = min(_DEAD, _DEAD_SHARE * len(vectors) / len(codes))
    dead = counts < least
    moved = totals / jnp.where(dead, 1.0, counts)[:, None]
    return Codebook(jnp.where(dead[:, None], starts, moved), jnp.where(dead, 2 * least, counts))
