"""How well what is missing is imputed, beside two ways that need no model."""

import jax
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray

from vaex.distributions.masked import Masked
from vaex.evaluate.scores import map_examples
from vaex.evaluate.trial import Trial
from vaex.inference import imputation
from vaex.model import Example, at, first, split
from vaex.models.columns import CLASSES, positions

NUM_IMAGES = 1000  # test images to impute
_NUM_NEIGHBOURS, _NUM_DONORS = 20, 20_000  # of the nearest-neighbours imputation; training images that it looks among
_NUM_SAMPLES = 1000  # importance samples for each image


def impute(key: PRNGKeyArray, trial: Trial, x: Example) -> np.ndarray:
    """Examples with the conditional mean where something was missing."""

    @jax.jit
    def single(x: Example) -> Float[Array, "n ..."]:
        one = lambda k, example: imputation.single(k, *at(trial.model, example), num_samples=_NUM_SAMPLES)
        return map_examples(one, key, x, batch_size=20)

    return np.asarray(single(x))


def truth(trial: Trial, n: int) -> np.ndarray:
    """What there is to be found: the test images, or what is modelled of them."""
    height, _, channels = split(trial.x)[0].x.shape[1:]
    images = trial.dataset.test.images[:n] / np.float32(255)
    # Given the upper half, the lower one; given the frames before, the last.
    return images[:, images.shape[1] - height :, :, images.shape[3] - channels :]


def imputation_errors(key: PRNGKeyArray, trial: Trial) -> dict[str, float]:
    """Root mean squared errors of the missing pixels of test images, if any, of this model and of simpler ways."""
    some, train_key = first(trial.x, NUM_IMAGES), jax.random.fold_in(key, NUM_IMAGES)  # beyond the keys of examples
    images, mask = truth(trial, NUM_IMAGES), np.asarray(split(some)[0].mask)
    if mask.all():
        return {}
    donors = split(trial.observe(train_key, first(trial.dataset.train, _NUM_DONORS)))[0]
    mean, neighbours = simple_imputations(donors, split(some)[0])

    def error(guess: np.ndarray) -> float:
        return float(np.sqrt(np.mean((guess - images)[~mask] ** 2)))

    return {
        "imputation_rmse": error(impute(key, trial, some)),
        "imputation_rmse_training_mean": error(np.broadcast_to(mean, images.shape)),
        "imputation_rmse_nearest_neighbours": error(neighbours),
    }


def row_imputation_errors(key: PRNGKeyArray, trial: Trial) -> dict[str, float]:
    """Errors of what data.missing hides of a table's test rows; nothing where only what nobody knows is missing.

    Returns:
        The root mean squared error of numbers, each in standard deviations of its column among the training rows, that
        of their means; and the fraction of classes that are right.
    """
    columns, train = trial.dataset.columns, trial.dataset.train.images
    some, rows = first(trial.x, NUM_IMAGES), trial.dataset.test.images[:NUM_IMAGES]
    hidden = ~np.asarray(split(some)[0].mask) & ~np.isnan(rows)
    if not hidden.any():
        return {}
    is_class = np.isin(np.arange(len(columns)), positions(columns, *CLASSES))
    mean, scale = (np.asarray(of(train, axis=0, dtype=np.float64)) for of in (np.nanmean, np.nanstd))
    guess, scores = impute(key, trial, some), {}

    def rmse(guess: np.ndarray) -> float:
        return float(np.sqrt(np.mean(((guess - rows) / scale)[hidden & ~is_class] ** 2)))

    if (hidden & ~is_class).any():
        scores = {"imputation_rmse": rmse(guess), "imputation_rmse_training_mean": rmse(mean)}
    if (hidden & is_class).any():
        scores["imputation_accuracy"] = float((guess == rows)[hidden & is_class].mean())
    return scores


def simple_imputations(donors: Masked, examples: Masked) -> tuple[np.ndarray, np.ndarray]:
    """Two ways to impute that need no model, both from training images with parts missing.

    Args:
        donors: training examples, in [0, 1].
        examples: those to impute, in [0, 1].

    Returns:
        The mean over the training images in which a pixel is observed; and that over the nearest of them by the
        distance of the pixels observed in both, the former where none of these has the pixel, or there are none.
    """
    from sklearn.neighbors import NearestNeighbors

    def flat(one: Masked) -> tuple[np.ndarray, np.ndarray]:
        mask = np.asarray(one.mask).reshape(len(one.mask), -1)
        return np.where(mask, np.asarray(one.x, np.float32).reshape(mask.shape), 0), mask  # even of nan

    def column_means(x: np.ndarray, mask: np.ndarray, otherwise: float | np.ndarray) -> np.ndarray:
        seen = mask.sum(axis=-2)
        return np.where(seen > 0, x.sum(axis=-2) / np.maximum(seen, 1), otherwise)

    shape = examples.x.shape
    (x, mask), (query, query_mask) = flat(donors), flat(examples)
    mean = column_means(x, mask, 0.0)
    nearest = NearestNeighbors(n_neighbors=min(_NUM_NEIGHBOURS, len(x)), metric="nan_euclidean")
    nearest.fit(np.where(mask, x, np.nan))
    distances, found = nearest.kneighbors(np.where(query_mask, query, np.nan))
    comparable = [i[~np.isnan(far)] for far, i in zip(distances, found, strict=True)]  # by a pixel observed in both
    neighbours = np.stack([column_means(x[i], mask[i], mean) for i in comparable])
    return mean.reshape(shape[1:]), neighbours.reshape(shape)
