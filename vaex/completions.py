"""Completions of what is given of an image: drawn, averaged, and compared with interpolation."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
from jaxtyping import Array, Float, PRNGKeyArray
from matplotlib.figure import Figure

from vaex import evaluate, plots
from vaex.model import Conditional, Given

_AVERAGED = 50  # completions whose mean is the estimate of an image
_SHOWN = 10  # examples in a figure


def complete(
    key: PRNGKeyArray, model: Conditional, condition: Float[Array, "..."], *, num_samples: int
) -> Float[Array, "k ..."]:
    """Draws of what is plausible under a condition, each the mean of its pixels: E[p(x|z_k, c)], z_k ~ p(z|c)."""
    given = model.given(condition)
    z = given.prior.sample(key, (num_samples,))
    return jax.vmap(lambda one: given.decode(one).mean)(z)  # pyright: ignore[reportAttributeAccessIssue]


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
        PSNR in decibels, the mean over the examples, of one completion, of the mean of 50, and of bicubic
        interpolation; and interpolation's log p(x|c) in nats, the counterpart of test_log_likelihood.
    """

    def one(k: PRNGKeyArray, example: Given) -> dict[str, Array]:
        completions = complete(k, model, example.condition, num_samples=_AVERAGED)
        scores = {
            "psnr_of_a_completion": evaluate.psnr(completions[0], example.x),
            "psnr_of_the_mean_completion": evaluate.psnr(completions.mean(axis=0), example.x),
            "psnr_of_bicubic": evaluate.psnr(bicubic(example.condition, example.x.shape), example.x),
        }
        return (
            scores if interpolation is None else scores | {"log_likelihood_of_bicubic": interpolation.log_prob(example)}
        )

    measure = jax.jit(lambda key, examples: evaluate.map_examples(one, key, examples, batch_size=100))
    return {name: float(np.mean(values)) for name, values in measure(key, examples).items()}


def of_labels(key: PRNGKeyArray, model: Conditional, num_classes: int) -> Figure:
    """A row for each class: draws under it."""
    rows = _rows(key, model, jnp.eye(num_classes), num_samples=12)
    title = "a row for each label c: E[p(x|z, c)], z drawn from p(z|c)"
    return plots.image_grid(rows.reshape(-1, *rows.shape[2:]), columns=12, title=title)


def of_small_images(key: PRNGKeyArray, model: Conditional, examples: Given) -> Figure:
    """A row for each of ten examples: the small image, six completions, their mean, interpolation, and the image."""
    shown = jax.tree.map(lambda a: a[:_SHOWN], examples)
    completions = _rows(key, model, shown.condition, num_samples=_AVERAGED)
    shape = shown.x.shape[1:]
    small = jax.vmap(lambda c: jax.image.resize(c, shape, "nearest"))(shown.condition)
    cubic = jax.vmap(lambda c: bicubic(c, shape))(shown.condition)
    columns = [small[:, None], completions[:, :6], completions.mean(axis=1, keepdims=True), cubic[:, None]]
    title = f"given; six completions; the mean of {_AVERAGED}; bicubic interpolation; the test image"
    return _side_by_side([*columns, shown.x[:, None]], title)


def of_halves(key: PRNGKeyArray, model: Conditional, examples: Given) -> Figure:
    """A row for each of ten examples: the upper half, seven completions of it, their mean, and the image."""
    shown = jax.tree.map(lambda a: a[:_SHOWN], examples)
    completions = _rows(key, model, shown.condition, num_samples=_AVERAGED)
    unknown = jnp.full_like(shown.x, 0.5)[:, None]
    lower = [unknown, completions[:, :7], completions.mean(axis=1, keepdims=True), shown.x[:, None]]
    upper = [jnp.broadcast_to(shown.condition[:, None], (*n.shape[:2], *shown.condition.shape[1:])) for n in lower]
    title = f"given; seven completions; the mean of {_AVERAGED}; the test image"
    return _side_by_side([jnp.concatenate(halves, axis=-3) for halves in zip(upper, lower, strict=True)], title)


def _rows(key: PRNGKeyArray, model: Conditional, conditions: Array | np.ndarray, *, num_samples: int) -> np.ndarray:
    """Completions under each condition, [N, K, ...]."""
    keys = jax.random.split(key, len(conditions))
    draw = jax.jit(jax.vmap(lambda k, c: complete(k, model, c, num_samples=num_samples)))
    return np.asarray(draw(keys, conditions))


def _side_by_side(columns: list, title: str) -> Figure:
    """Arrays [N, columns, H, W, C] -> a figure with N rows."""
    grid = np.concatenate([np.asarray(c) for c in columns], axis=1)
    return plots.image_grid(grid.reshape(-1, *grid.shape[2:]), columns=grid.shape[1], title=title)
