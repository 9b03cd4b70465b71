"""Bounds on held-out data, a single example at a time, and what is made of them."""

from collections.abc import Callable
from typing import TypeVar

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from vaex import bounds
from vaex.distributions.abilities import log_prob_per_layer
from vaex.distributions.shapes import check_shape
from vaex.errors import UsageError, check_whole
from vaex.evaluate.chunks import count
from vaex.evaluate.estimates import estimate_log_likelihood
from vaex.model import Example, Model
from vaex.objectives import Terms, sample_weights
from vaex.objectives.batch import sharded
from vaex.objectives.encode import encode, encode_example
from vaex.objectives.terms import elbo_terms, known_or_sampled_kl

Score = TypeVar("Score")


def log_likelihood(
    key: PRNGKeyArray, model: Model, x: Example, *, num_samples: int = 5000, chunk_size: int = 100
) -> Float[Array, ""]:
    """The importance-weighted bound of K draws on log p(x), in the memory of one chunk.

    L_K = log 1/K sum_k p(x, z_k) / q(z_k|x),   accumulated by an online log-sum-exp

    Args:
        key: a PRNG key; chunk c draws from fold_in(key, c).
        model: a model.
        x: one example.
        num_samples: K.
        chunk_size: how many draws are held at a time.

    Returns:
        Nats, a lower bound on log p(x) in expectation.

    Raises:
        OptionError: num_samples or chunk_size below 1.

    Source: Burda, Grosse and Salakhutdinov 2015, equation 8 and section 5.
    """
    return estimate_log_likelihood(key, model, x, num_samples=num_samples, chunk_size=chunk_size).log_likelihood


def elbo(key: PRNGKeyArray, model: Model, x: Example, *, num_samples: int = 1) -> Terms:
    """The plain ELBO of one example, with the KL that the objective elbo has by default.

    Args:
        key: a PRNG key.
        model: a model.
        x: one example.
        num_samples: L, draws averaged over.

    Returns:
        Terms, in nats.

    Raises:
        OptionError: num_samples below 1.
    """
    check_whole(num_samples=num_samples)
    q = encode(model, x)
    w = sample_weights(key, model, x, q, num_samples)
    log_px_z, kl = bounds.elbo(w.log_px_z), known_or_sampled_kl(q, model.prior, w)
    return elbo_terms(log_px_z, kl)


def kl_per_layer(key: PRNGKeyArray, model: Model, x: Example, *, num_samples: int = 1) -> Float[Array, " l"] | None:
    """What each layer of a hierarchy adds to the KL of elbo's draws; None where z has no layers.

    KL_l = 1/K sum_k KL(q(z_l|z_>l,k, x) || p(z_l|z_>l,k)),   else   1/K sum_k log q(z_lk|...) - log p(z_lk|...)

    The first where q draws in the generator's order, as a ladder's does, and the closed form is known. Of a posterior
    that goes bottom up only the sum is a KL.

    Args:
        key: a PRNG key; elbo draws the same from it.
        model: a model.
        x: one example.
        num_samples: K.

    Returns:
        Nats for z_1, ..., z_L, [L].

    Raises:
        OptionError: num_samples below 1.

    Source: the parts of the bound of Sonderby et al. 2016.
    """
    check_whole(num_samples=num_samples)
    q = encode_example(model, x)
    log_q, log_p = log_prob_per_layer(q), log_prob_per_layer(model.prior)
    if log_q is None or log_p is None:
        return None
    if (kls := sample_weights(key, model, x, q, num_samples).kls) is not None:
        return jnp.mean(kls, axis=0)
    z = q.sample(key, (num_samples,))
    return jnp.mean(jax.vmap(lambda one: log_q(one) - log_p(one))(z), axis=0)


def bits_per_dim(log_px: Float[Array, "..."], *, num_dims: int | float, dequantized: bool) -> Float[Array, "..."]:
    """Nats of an image -> bits per dimension.

    bits = -log_px / (D log 2),   and 8 more for a density on [0, 1] of pixels with 256 levels

    Args:
        log_px: log p(x), or a bound on it, in nats.
        num_dims: D, pixels times channels.
        dequantized: whether log_px is a density of 8-bit pixels scaled by 1/256.

    Source: Theis, van den Oord and Bethge 2016, section 3.1.
    """
    return -log_px / (num_dims * jnp.log(2.0)) + 8.0 * dequantized


def psnr(estimate: Float[Array, "*shape"], image: Float[Array, "*shape"]) -> Float[Array, ""]:
    """The peak signal-to-noise ratio of an estimate of an image with values in [0, 1], in decibels.

    PSNR = -10 log10 mean_j (estimate_j - image_j)^2

    Raises:
        UsageError: two shapes, or whole numbers, whose differences would wrap.
    """
    check_shape("an estimate", estimate, jnp.shape(image))
    for array in (estimate, image):
        if not jnp.issubdtype(jnp.result_type(array), jnp.floating):
            raise UsageError(f"found {jnp.result_type(array)}: expected values in [0, 1]; divide levels by 255.0")
    return -10 * jnp.log10(jnp.mean((estimate - image) ** 2))


def ssim(estimate: Float[Array, "h w c"], image: Float[Array, "h w c"]) -> Float[Array, ""]:
    """The structural similarity of an estimate of an image with values in [0, 1]: 1 where they are the same.

    SSIM = mean of (2 m_x m_y + c_1) (2 s_xy + c_2) / ((m_x^2 + m_y^2 + c_1) (s_x^2 + s_y^2 + c_2))

    over the positions of a Gaussian window of 11 x 11 pixels, or of the largest odd width that fits a smaller image, by
    dm-pix.

    Raises:
        UsageError: two shapes.

    Source: Wang, Bovik, Sheikh and Simoncelli 2004, equation 13.
    """
    import dm_pix  # which takes a quarter of a second

    check_shape("an estimate", estimate, jnp.shape(image))
    side = min(11, *image.shape[:2])
    return jnp.asarray(dm_pix.ssim(estimate, image, filter_size=side - (side + 1) % 2))


def map_examples(
    f: Callable[[PRNGKeyArray, Example], Score], key: PRNGKeyArray, examples: Example, *, batch_size: int = 250
) -> Score:
    """Apply f(key, x) to many examples, `batch_size` at a time, in one program; example i gets fold_in(key, i).

    Within a mesh each batch is split over its devices, as in training.

    Raises:
        OptionError: batch_size below 1.
        UsageError: no examples.
    """
    check_whole(batch_size=batch_size)
    n = count(examples)
    size = min(batch_size, n)
    of_batch = lambda batch: jax.vmap(lambda args: f(*args))(sharded(batch))
    whole = n // size * size

    @jax.jit  # outside of it each operation on the last few examples would be a program of its own
    def apply(key: PRNGKeyArray, examples: Example) -> Score:
        keys = jax.vmap(lambda i: jax.random.fold_in(key, i))(jnp.arange(n))
        batches = jax.tree.map(lambda a: a[:whole].reshape(n // size, size, *a.shape[1:]), (keys, examples))
        found = jax.tree.map(lambda a: a.reshape(whole, *a.shape[2:]), jax.lax.map(of_batch, batches))
        if whole == n:
            return found
        last = of_batch(jax.tree.map(lambda a: a[whole:], (keys, examples)))
        return jax.tree.map(lambda a, b: jnp.concatenate([a, b]), found, last)

    return apply(key, examples)
