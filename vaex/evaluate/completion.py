"""Completions of what is given of an image: drawn, averaged, and compared with interpolation."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
from jaxtyping import Array, Float, PRNGKeyArray

from vaex.distributions.abilities import own_mean
from vaex.errors import check_whole
from vaex.evaluate.scores import map_examples, psnr, ssim
from vaex.model import Conditional, Given

NUM_COMPLETIONS = 50  # completions whose mean is the estimate of an image


def complete(
    key: PRNGKeyArray, model: Conditional, condition: Float[Array, "..."], *, num_samples: int
) -> Float[Array, "k ..."]:
    """Draws of what is plausible under a condition, each the mean of its pixels: E[p(x|z_k, c)], z_k ~ p(z|c).

    Raises:
        OptionError: num_samples below 1.
    """
    check_whole(num_samples=num_samples)
    given = model.given(condition)
    z = given.prior.sample(key, (num_samples,))
    return jax.vmap(lambda one: own_mean(given.decode(one)))(z)


def roll_out(
    key: PRNGKeyArray, model: Conditional, previous: Float[Array, "h w k"], *, num_frames: int
) -> Float[Array, "frames h w"]:
    """Frames drawn one after another, each under the k before it, of which the drawn ones are draws from p(x|z, c).

    x_t ~ p(x|z_t, c_t),   z_t ~ p(z|c_t),   c_t = (x_{t-k}, ..., x_{t-1})

    Args:
        key: a PRNG key.
        model: p(x|z, c) of the next frame, [H, W, 1], with the k before for c.
        previous: c_1.
        num_frames: how many are drawn.

    Returns:
        The means of the pixels of each, E[p(x|z_t, c_t)].

    Raises:
        OptionError: num_frames below 1.
    """
    check_whole(num_frames=num_frames)

    def step(condition: Array, key: PRNGKeyArray) -> tuple[Array, Array]:
        given, (prior_key, draw_key) = model.given(condition), jax.random.split(key)
        p = given.decode(given.prior.sample(prior_key))
        return jnp.concatenate([condition[..., 1:], p.sample(draw_key)], axis=-1), p.mean[..., 0]

    return jax.lax.scan(step, previous, jax.random.split(key, num_frames))[1]


def bicubic(images: Float[Array, "h w c"], shape: tuple[int, ...]) -> Float[Array, "..."]:
    """A small image enlarged by cubic convolution, within [0, 1].

    Source: Keys 1981, with a = -1/2.
    """
    return jnp.clip(jax.image.resize(images, shape, "cubic"), 0.0, 1.0)


class Interpolation(NamedTuple):
    """The model p(x|c) = N(bicubic(c) + offset, diag(sigma^2)), to compare a learned one with."""

    offset: Float[Array, "h w c"]
    sigma: Float[Array, "h w c"]

    def log_prob(self, example: Given) -> Float[Array, ""]:
        estimate = bicubic(example.condition, example.x.shape)
        return dist.Normal(estimate + self.offset, self.sigma).to_event(example.x.ndim).log_prob(example.x)


def fit_interpolation(examples: Given) -> Interpolation:
    """Fit the mean and the deviation of each pixel's residual to examples, [N, ...]: the maximum of the likelihood."""
    residual = examples.x - jax.vmap(lambda c, x: bicubic(c, x.shape))(examples.condition, examples.x)
    return Interpolation(residual.mean(axis=0), residual.std(axis=0))


def enlargement_scores(
    key: PRNGKeyArray, model: Conditional, examples: Given, interpolation: Interpolation | None
) -> dict[str, float]:
    """How near enlarged images come to the images, beside bicubic interpolation.

    Args:
        key: a PRNG key.
        model: p(x|z, c) with a small image for c.
        examples: test examples, [N, ...].
        interpolation: the model to compare with, where x has a density.

    Returns:
        PSNR in decibels and SSIM, the means over the examples, of one completion, of the mean of 50, and of bicubic
        interpolation; and interpolation's log p(x|c) in nats, the counterpart of test_log_likelihood.
    """

    def one(k: PRNGKeyArray, example: Given) -> dict[str, Array]:
        completions = complete(k, model, example.condition, num_samples=NUM_COMPLETIONS)
        estimates = {
            "a_completion": completions[0],
            "the_mean_completion": completions.mean(axis=0),
            "bicubic": bicubic(example.condition, example.x.shape),
        }
        scores = {f"psnr_of_{name}": psnr(estimate, example.x) for name, estimate in estimates.items()}
        scores |= {f"ssim_of_{name}": ssim(estimate, example.x) for name, estimate in estimates.items()}
        return (
            scores if interpolation is None else scores | {"log_likelihood_of_bicubic": interpolation.log_prob(example)}
        )

    measure = jax.jit(lambda key, examples: map_examples(one, key, examples, batch_size=100))
    return {name: float(np.mean(values)) for name, values in measure(key, examples).items()}
