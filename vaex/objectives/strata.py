"""Draws that carry the gradient of a mixture's weights too: as many of each component, each with its part."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from vaex.distributions.abilities import draws_of_components
from vaex.errors import check_whole
from vaex.model import Distribution, Example, Latent, Model
from vaex.objectives.draws import draw, weigh_draws
from vaex.objectives.terms import Weights, log_weights


def draw_each(key: PRNGKeyArray, q: Distribution, num_samples: int) -> tuple[Latent, Float[Array, " jk"] | None]:
    """K draws through which gradients flow; of a mixture K of each component, with the logarithms of their parts.

    E_q[f(z)] = sum_j w_j E_{q_j}[f(z)] ~ sum_jk w_j/K f(z_jk),   z_jk ~ q_j

    Args:
        key: a PRNG key.
        q: a distribution.
        num_samples: K.

    Returns:
        The draws, on a leading axis of K, or of J K; and log w_j/K of each, None where all count the same.

    Raises:
        OptionError: num_samples below 1.
        UsageError: a q that is no mixture, and whose draws carry no gradient.
    """
    if (found := draws_of_components(q)) is None:
        return draw(key, q, num_samples), None
    check_whole(num_samples=num_samples)
    log_w, sample = found
    z = jax.tree.map(lambda leaf: leaf.reshape(-1, *leaf.shape[2:]), sample(key, num_samples))
    return z, jnp.repeat(log_w - jnp.log(num_samples), num_samples)


def weigh_each(key: PRNGKeyArray, model: Model, x: Example, q: Distribution, num_samples: int) -> Weights:
    """The draws of draw_each, weighed by the density of the whole q.

    Raises:
        OptionError: num_samples below 1.
        UsageError: a q that is no mixture, and whose draws carry no gradient.
    """
    if draws_of_components(q) is None:
        return weigh_draws(key, model, x, q, num_samples)
    z, log_share = draw_each(key, q, num_samples)
    return log_weights(model, x, q, z)._replace(log_share=log_share)
