"""The Gumbel-softmax: a categorical latent whose draws are relaxed, so that gradients flow through them."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from vaex.distributions.one_hot import one_hot_logits
from vaex.distributions.shapes import check_value, log_density
from vaex.errors import OptionError, UsageError, check_positive, check_whole
from vaex.model import Example, Latent, Model, Value
from vaex.objectives.encode import encode
from vaex.objectives.terms import Number, Terms, analytic_kl


def gumbel(
    key: PRNGKeyArray,
    model: Model,
    x: Example,
    *,
    num_samples: int = 1,
    temperature: Number = 1.0,
    straight_through: bool = False,
) -> Terms:
    """The ELBO of one-hot latents with relaxed draws in the decoder.

    1/L sum_l log p(x|y_l) - KL(q(z|x) || p(z)),   y = softmax((logits + g) / temperature),   g ~ Gumbel(0, 1)

    The second derivative means nothing where straight_through gives one draw the gradient of another.

    Args:
        key: a PRNG key.
        model: a model whose q(z|x) is a OneHotCategorical, or several independent ones.
        x: one example.
        num_samples: L.
        temperature: the lower, the nearer to one-hot, and the more variance its gradient has.
        straight_through: give the decoder the one-hot draw, and q the gradient of the relaxed one.

    Returns:
        Terms, in nats. elbo is the plain bound at the one-hot draws of the same noise; only objective is relaxed.

    Raises:
        OptionError: num_samples below 1, or a temperature that is not above 0 or not finite.
        UsageError: another q.

    Source: Jang, Gu and Poole 2017, equation 2 and section 2.2; Maddison, Mnih and Teh 2017.
    """
    check_whole(num_samples=num_samples)
    try:
        check_positive(temperature=temperature)
    except OptionError as error:
        raise OptionError("temperature", error.found, error.expected, "the limit is the objective reinforce") from None
    q = encode(model, x)
    if (logits := one_hot_logits(q)) is None:
        raise UsageError(
            f"gumbel needs one-hot latents, found {type(q).__name__}: use elbo, or a OneHotCategorical posterior, in a "
            "config model.posterior.name=one_hot"
        )

    def one(key: PRNGKeyArray) -> tuple[Latent, Latent]:
        noisy = jax.nn.log_softmax(logits) + jax.random.gumbel(key, logits.shape)
        hard = jax.nn.one_hot(jnp.argmax(noisy, axis=-1), logits.shape[-1], dtype=logits.dtype)
        relaxed = jax.nn.softmax(noisy / temperature)
        return (hard + (relaxed - jax.lax.stop_gradient(relaxed)) if straight_through else relaxed), hard

    def log_px_at(value: Value) -> Float[Array, ""]:
        return log_density("p(x|z)", model.decode(value), x)

    y, z = jax.vmap(one)(jax.random.split(key, num_samples))
    relaxed = jnp.mean(jax.vmap(log_px_at)(y))
    log_px_z = relaxed if straight_through else jnp.mean(jax.vmap(log_px_at)(z))
    check_value("p(z)", model.prior, z[0])
    kl = analytic_kl(q, model.prior)
    return Terms(relaxed - kl, log_px_z - kl, log_px_z, kl)
