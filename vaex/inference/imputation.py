"""What is missing of an example, by importance sampling of p(x_missing|x_observed)."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from vaex.distributions.abilities import average
from vaex.errors import check_whole
from vaex.inference.importance import importance
from vaex.model import Conditional, Example, Latent, Model, Value, at


def single(
    key: PRNGKeyArray, model: Model | Conditional, example: Example, *, num_samples: int = 1000
) -> Float[Array, "..."]:
    """The conditional mean of what is missing, self-normalized over K draws from q(z|x_o).

    E[x_m|x_o] ~ sum_k w_k E[x_m|z_k] / sum_k w_k,   w_k = p(x_o|z_k) p(z_k) / q(z_k|x_o)

    Args:
        key: a PRNG key.
        model: a model of Masked examples, as from partially_observed.
        example: one Masked example; for a Conditional model a Given of one.
        num_samples: K; the bias is of order 1/K.

    Returns:
        x, with the conditional mean, or the most probable class, where it was missing; nan there if no draw has a
        weight above zero.

    Raises:
        OptionError: num_samples below 1.

    Source: Mattei and Frellsen 2019, the single imputation.
    """
    now, example = at(model, example)
    draws = importance(key, now, example, num_samples=num_samples)

    def add(total: Value, draw: tuple[Latent, Array]) -> tuple[Value, None]:  # one decoded mean in memory
        z_k, share_k = draw
        return jax.tree.map(lambda sum_, one: sum_ + share_k * one, total, average(now.decode(z_k))[0]), None

    first = jax.tree.map(lambda leaf: leaf[0], draws.z)
    zeros = jax.tree.map(jnp.zeros_like, jax.eval_shape(lambda: average(now.decode(first))[0]))
    total, _ = jax.lax.scan(add, zeros, (draws.z, draws.share))
    return example.filled(average(now.decode(first))[1](total))


def multiple(
    key: PRNGKeyArray, model: Model | Conditional, example: Example, *, num_draws: int = 10, num_samples: int = 1000
) -> Float[Array, "m ..."]:
    """Draws of what is missing given what is observed, by sampling importance resampling.

    z^(m) ~ sum_k w_k delta(z_k) / sum_k w_k,   x_m ~ p(x_m|z^(m)),   approximate draws from p(x_m|x_o)

    Args:
        key: a PRNG key.
        model: a model of Masked examples, as from partially_observed.
        example: one Masked example; for a Conditional model a Given of one.
        num_draws: M.
        num_samples: K, from which the z are drawn again; exact in the limit of large K.

    Returns:
        M completed examples, [M, *x_shape]; nan where something is missing and no draw has a weight above zero.

    Raises:
        OptionError: num_draws or num_samples below 1.

    Source: Mattei and Frellsen 2019, multiple imputation; Rubin 1987 for the resampling.
    """
    check_whole(num_draws=num_draws)
    now, example = at(model, example)
    draw_key, choice_key, noise_key = jax.random.split(key, 3)
    z, log_w, _ = importance(draw_key, now, example, num_samples=num_samples)
    chosen = jax.random.categorical(choice_key, log_w, shape=(num_draws,))

    def one(k: PRNGKeyArray, index: Array) -> Float[Array, "..."]:
        x = now.decode(jax.tree.map(lambda a: a[index], z)).sample(k)
        return example.filled(jnp.where(log_w[index] == -jnp.inf, jnp.nan, x))

    return jax.vmap(one)(jax.random.split(noise_key, num_draws), chosen)
