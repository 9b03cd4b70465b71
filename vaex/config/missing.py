"""A run with part of each image missing: the masks, the model of what is observed, and how well the rest is imputed."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import PRNGKeyArray

from vaex import evaluate
from vaex.data import Dataset, Split
from vaex.distributions.masked import Masked
from vaex.evaluate.summary import Report
from vaex.inference import imputation
from vaex.model import Model, Params, no_statistics
from vaex.models.missing import partially_observed

_NUM_IMAGES = 1000  # test images to impute
_NUM_NEIGHBOURS, _NUM_DONORS = 20, 20_000  # of the nearest-neighbours imputation; training images that it looks among
_NUM_SAMPLES = 1000  # importance samples for each image
_SHOWN, _DRAWS = 10, 4


class PartiallyObserved(NamedTuple):
    """A description of a model of whole images as one of Masked images."""

    whole: Any  # what has init and bind

    def init(self, key: PRNGKeyArray) -> Params:
        """The same parameters."""
        return self.whole.init(key)

    def bind(self, params: Params) -> Model:
        """The model of what is observed."""
        return partially_observed(self.whole.bind(params))

    def statistics(self, key: PRNGKeyArray, params: Params, batch: Masked) -> dict[str, Any]:
        """The parameters that no gradient moves, after a batch with zeros where pixels are missing."""
        return getattr(self.whole, "statistics", no_statistics)(key, params, batch.filled())


def store_masked(images: np.ndarray, *, fraction: float, seed: int) -> Masked:
    """Training images with each pixel missing with a probability, by masks that the seed fixes.

    Args:
        images: uint8 [N, H, W, C].
        fraction: the probability.
        seed: the run's.

    Returns:
        The images with zeros where they are missing, and the masks.
    """
    mask = np.random.default_rng(seed).random(images.shape, np.float32) >= fraction
    return Masked(np.where(mask, images, np.uint8(0)), mask)  # pyright: ignore[reportArgumentType]


def mean_imputed(stored: Masked) -> np.ndarray:
    """The images that a model may be built from: each missing pixel at its mean where it is observed, uint8."""
    seen = np.maximum(stored.mask.sum(axis=0), 1)
    mean = np.round(stored.x.sum(axis=0, dtype=np.float32) / seen).astype(np.uint8)
    return np.where(stored.mask, stored.x, mean)


def mask_examples(key: PRNGKeyArray, x: jax.Array, *, fraction: float) -> Masked:
    """Held-out examples with each pixel missing with a probability, zeros in its place."""
    mask = jax.random.bernoulli(key, 1 - fraction, x.shape)
    return Masked(jnp.where(mask, x, 0.0), mask)


def report(
    key: PRNGKeyArray, model: Model, dataset: Dataset, examples: Masked, *, store: Callable[[Split], Any]
) -> Report:
    """Root mean squared errors of the missing pixels of test images, of this model and of simpler ways; a figure.

    Args:
        key: a PRNG key.
        model: a model of Masked images.
        dataset: where the truth lies.
        examples: test examples.
        store: a training split -> the Masked images that training saw.
    """
    from vaex.figures import plots

    single_key, multiple_key = jax.random.split(key)
    some: Masked = jax.tree.map(lambda a: a[:_NUM_IMAGES], examples)
    few: Masked = jax.tree.map(lambda a: a[:_SHOWN], examples)
    single = jax.jit(
        lambda examples: evaluate.map_examples(
            lambda k, one: imputation.single(k, model, one, num_samples=_NUM_SAMPLES),
            single_key,
            examples,
            batch_size=20,
        )
    )
    draw = jax.jit(jax.vmap(lambda k, one: imputation.multiple(k, model, one, num_draws=_DRAWS)))
    imputed = np.asarray(single(some))
    draws = np.asarray(draw(jax.random.split(multiple_key, len(few.x)), few))
    mask, truth = np.asarray(some.mask), dataset.test.images[:_NUM_IMAGES] / np.float32(255)
    mean, neighbours = simple_imputations(store(dataset.train), some)

    def error(guess: np.ndarray) -> float:
        return float(np.sqrt(np.mean((guess - truth)[~mask] ** 2)))

    rows = np.stack([few.filled(0.5), imputed[:_SHOWN], *np.moveaxis(draws, 1, 0), truth[:_SHOWN]])
    title = f"from above: observed, the conditional mean, {_DRAWS} draws of what is missing, the truth"
    return Report(
        scores={
            "imputation_rmse": error(imputed),
            "imputation_rmse_training_mean": error(np.broadcast_to(mean, truth.shape)),
            "imputation_rmse_nearest_neighbours": error(neighbours),
        },
        figures={"imputations": plots.image_grid(rows.reshape(-1, *truth.shape[1:]), columns=_SHOWN, title=title)},
    )


def simple_imputations(stored: Masked, examples: Masked) -> tuple[np.ndarray, np.ndarray]:
    """Two ways to impute that need no model, both from what training saw.

    Args:
        stored: training images, uint8 and Masked.
        examples: those to impute, in [0, 1].

    Returns:
        The mean over the training images in which a pixel is observed; and that over the nearest of them by the
        distance of the pixels observed in both, the former where none of these has the pixel.
    """
    from sklearn.neighbors import NearestNeighbors

    def flat(masked: Masked) -> tuple[np.ndarray, np.ndarray]:
        mask = np.asarray(masked.mask).reshape(len(masked.mask), -1)
        return np.asarray(masked.x, np.float32).reshape(mask.shape), mask

    def column_means(x: np.ndarray, mask: np.ndarray, otherwise: Any) -> np.ndarray:
        seen = mask.sum(axis=-2)
        return np.where(seen > 0, (x * mask).sum(axis=-2) / np.maximum(seen, 1), otherwise)

    shape = examples.x.shape
    (x, mask), (query, query_mask) = flat(jax.tree.map(lambda a: a[:_NUM_DONORS], stored)), flat(examples)
    x = x / 255
    mean = column_means(x, mask, 0.0)
    nearest = NearestNeighbors(n_neighbors=min(_NUM_NEIGHBOURS, len(x)), metric="nan_euclidean")
    nearest.fit(np.where(mask, x, np.nan))
    found = nearest.kneighbors(np.where(query_mask, query, np.nan), return_distance=False)
    neighbours = np.stack([column_means(x[i], mask[i], mean) for i in found])
    return mean.reshape(shape[1:]), neighbours.reshape(shape)
