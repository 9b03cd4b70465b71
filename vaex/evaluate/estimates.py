"""The importance-weighted bound of one example, with the standard error of its Monte Carlo estimate."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from vaex.errors import check_whole
from vaex.losses.arithmetic import at_least_float32, logsumexp
from vaex.model import Example, Model
from vaex.objectives import sample_weights
from vaex.objectives.encode import encode


class Estimate(NamedTuple):
    """An estimate of log p(x) in nats, and its standard error."""

    log_likelihood: Float[Array, "*batch"]
    standard_error: Float[Array, "*batch"]  # nan of a single draw


def estimate_log_likelihood(
    key: PRNGKeyArray, model: Model, x: Example, *, num_samples: int = 5000, chunk_size: int = 100
) -> Estimate:
    """The importance-weighted bound of K draws on log p(x), and its standard error, in the memory of one chunk.

    L_K = log 1/K sum_k w_k,   s^2 = 1/(K - 1) (K sum_k w_k^2 / (sum_k w_k)^2 - 1),   w_k = p(x, z_k) / q(z_k|x)

    s is that of the log of a mean by the delta method; L_K lies below log p(x) by s^2 / 2 on average, to first order.
    Both say too little where few draws have all the weight, s near 1 or above: log p(x) is then higher than it looks.

    Args:
        key: a PRNG key; chunk c draws from fold_in(key, c).
        model: a model.
        x: one example.
        num_samples: K.
        chunk_size: how many draws are held at a time.

    Returns:
        Nats.

    Raises:
        OptionError: num_samples or chunk_size below 1.

    Source: Burda, Grosse and Salakhutdinov 2015, equation 8; Nowozin 2018, section 2, for the bias.
    """
    check_whole(num_samples=num_samples, chunk_size=chunk_size)
    chunk_size = min(chunk_size, num_samples)
    q = encode(model, x)

    def total_of(chunk: Array) -> tuple[Array, Array, Array]:
        weights = sample_weights(jax.random.fold_in(key, chunk), model, x, q, chunk_size)
        wanted = chunk * chunk_size + jnp.arange(chunk_size) < num_samples
        log_w = jnp.where(wanted, at_least_float32(weights.log_w), -jnp.inf)
        largest = _finite(jnp.max(log_w))  # nats of thousands have few digits left for how the weights differ
        return largest, logsumexp(log_w - largest), logsumexp(2 * (log_w - largest))

    each, totals, squares = jax.lax.map(total_of, jnp.arange(-(-num_samples // chunk_size)))
    largest = jnp.max(jnp.where(totals > -jnp.inf, each, -jnp.inf))
    apart = each - _finite(largest)
    total, square = logsumexp(totals + apart), logsumexp(squares + 2 * apart)
    relative = jnp.maximum(num_samples * jnp.exp(square - 2 * total) - 1, 0.0)
    relative = jnp.where(total == -jnp.inf, jnp.inf, relative)
    error = jnp.sqrt(relative / (num_samples - 1)) if num_samples > 1 else jnp.array(jnp.nan)
    return Estimate(_finite(largest) + (total - jnp.log(num_samples)), error)


def _finite(largest: Float[Array, ""]) -> Float[Array, ""]:
    return jnp.where(jnp.isfinite(largest), largest, 0.0)
