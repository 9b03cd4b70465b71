"""From the splits of a data set to examples: what is stored, what a train step makes of it, what is evaluated."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, PRNGKeyArray

from vaex.data import Dataset, Split
from vaex.data.augment import Augment
from vaex.data.conditions import Condition, Pixels, modelled
from vaex.data.labelled import choose_labelled
from vaex.data.streams.records import read_records, sum_of_records
from vaex.distributions.labelled import Pair
from vaex.distributions.masked import Masked
from vaex.errors import UsageError
from vaex.model import Example, Given, first


class Stored(NamedTuple):
    """What training reads of each image; all but the images may be None."""

    images: Pixels  # uint8 [N, H, W, C], or the rows of a table, float32 [N, D]
    labels: Pixels | None = None  # int32 [N]
    mask: Any = None  # bool [N, ...], of what is modelled; True where it is observed


class Examples(NamedTuple):
    """How the splits of a data set become examples."""

    stored: Callable[[Split], Example]  # a training split -> arrays with a leading axis of N, which lie on the device
    preprocess: Callable[[PRNGKeyArray, Example], Example]  # (key, stored examples) -> what a train step takes
    observe: Callable[[PRNGKeyArray, Split], Example]  # (key, held-out split) -> what is evaluated
    # (training split, what reads its images by their indices) -> (indices -> those of the stored examples)
    reader: Callable[[Split, Callable[[np.ndarray], np.ndarray]], Callable[[np.ndarray], Example]]


class Making(NamedTuple):
    """What examples are made by."""

    apply: Callable[[PRNGKeyArray, Array], Array]  # (key, uint8 images) -> pixels; of rows themselves
    condition: Condition | None = None
    fraction: float | None = None  # of the pixels that nothing sees
    has_gaps: bool = False  # whether a table has values missing by itself, nan
    num_labels: int | None = None  # images that keep their labels; None for all that have one
    num_classes: int = 0
    augment: Augment | None = None  # of training images; of pairs, of those with a label alone
    key: PRNGKeyArray | None = None  # of the masks and of the choice of labels
    prepare: Callable[[PRNGKeyArray, Example], Example] | None = None  # what the model does to a batch of them


def images(by: Making) -> Examples:
    """Each image by itself."""
    return Examples(
        stored=lambda split: _store(by, split),
        preprocess=lambda key, stored: example_of(by, key, _varied(by, key, stored)),
        observe=lambda key, split: _observe(by, key, split),
        reader=lambda split, read: lambda indices: _read(by, split, read, indices),
    )


def pairs(by: Making) -> Examples:
    """Each image without a label beside one with it, the fewer coming round in turn; evaluated are single images."""

    def paired(split: Split) -> tuple[Array, Array]:
        labelled = chosen(by, split.labels)
        is_unlabelled = jnp.ones(len(split.images), bool).at[labelled].set(False)
        unlabelled = jnp.nonzero(is_unlabelled, size=len(split.images) - len(labelled))[0]
        num_pairs = max(len(unlabelled), len(labelled))
        return jnp.resize(unlabelled, (num_pairs,)), jnp.resize(labelled, (num_pairs,))

    def stored(split: Split) -> Pair:
        unlabelled, labelled = paired(split)
        whole = _store(by, split)
        take = lambda indices: jax.tree.map(lambda a: jnp.asarray(a)[indices], whole)
        return Pair(take(unlabelled), take(labelled), jnp.asarray(split.labels)[labelled])

    def preprocess(key: PRNGKeyArray, pair: Pair) -> Pair:
        keys = jax.random.split(key)
        unlabelled = example_of(by, keys[0], pair.unlabelled)  # there are enough, as those are that are evaluated
        labelled = example_of(by, keys[1], _varied(by, keys[1], pair.labelled))
        return Pair(unlabelled, labelled, jax.nn.one_hot(jnp.asarray(pair.label), by.num_classes))

    def reader(split: Split, read: Callable[[np.ndarray], np.ndarray]) -> Callable[[np.ndarray], Pair]:
        with jax.ensure_compile_time_eval():  # what is read from disk is chosen before anything is traced
            unlabelled, labelled = (np.asarray(indices) for indices in paired(split))
        of = lambda indices: _read(by, split, read, indices)
        return lambda at: Pair(of(unlabelled[at]), of(labelled[at]), split.labels[labelled[at]])

    return Examples(stored, preprocess, lambda key, split: _observe(by, key, split), reader)


def reading(examples: Examples, dataset: Dataset) -> Callable[[np.ndarray], Example]:
    """Indices -> those of the stored examples, read from disk."""
    assert dataset.records is not None, "of images on disk"
    records = dataset.records
    return examples.reader(dataset.train, lambda indices: read_records(records, indices))


def first_stored(examples: Examples, dataset: Dataset, num: int) -> Example:
    """The first of the stored examples, wherever they are."""
    if dataset.records is None:
        return first(examples.stored(dataset.train), num)
    return reading(examples, dataset)(np.arange(min(num, dataset.records.shape[0])))


EXAMPLES = {"images": images, "pairs": pairs}


def chosen(by: Making, labels: np.ndarray) -> Array:
    """The indices of the training images that keep their labels."""
    assert by.key is not None, "of training examples"
    return choose_labelled(jax.random.fold_in(by.key, 0), labels, by.num_labels, num_classes=by.num_classes)


class Seen(NamedTuple):
    """What a model may be built from of what is modelled of training images."""

    images: Array | np.ndarray | None = None  # uint8 [N, ...], missing pixels at their means; None where there are none
    mean_levels: np.ndarray | None = None  # float32, of images on disk, all of which would be read for it


def seen(by: Making, dataset: Dataset) -> Seen:
    """What there is of a data set; nothing of a table."""
    if dataset.columns:
        return Seen()
    split, records = dataset.train, dataset.records
    images = modelled(split.images, by.condition)
    if records is not None:
        mean = modelled(sum_of_records(records)[None], by.condition)[0].astype(np.float32) / records.shape[0]
        return Seen(images, mean)
    mask = _store(by, split).mask
    if mask is None:
        return Seen(images)
    x = jnp.where(mask, images, jnp.uint8(0))
    mean = jnp.round(x.sum(axis=0, dtype=jnp.float32) / jnp.maximum(mask.sum(axis=0), 1)).astype(jnp.uint8)
    return Seen(jnp.where(mask, x, mean))


def _store(by: Making, split: Split) -> Stored:
    mask = ~jnp.isnan(split.images) if by.has_gaps else None
    if by.fraction is not None:
        shape = modelled(split.images, by.condition).shape
        assert by.key is not None, "of training examples"
        shown = jax.random.bernoulli(jax.random.fold_in(by.key, 1), 1 - by.fraction, shape)
        mask = shown if mask is None else mask & shown
    return Stored(split.images, None if by.condition is None else split.labels, mask)


def _read(by: Making, split: Split, read: Callable[[np.ndarray], np.ndarray], indices: np.ndarray) -> Stored:
    assert by.fraction is None, "a mask is of all images at once"
    return Stored(read(indices), None if by.condition is None else split.labels[indices])


def example_of(by: Making, key: PRNGKeyArray, stored: Stored) -> Example:
    """Pixels, of which a mask hides some, under a condition, as the model wants them.

    Args:
        by: how.
        key: a PRNG key.
        stored: a batch of images or a single one, with the labels where they are the condition.
    """
    levels = jnp.asarray(stored.images)
    whole = by.apply(key, levels)
    x = modelled(whole, by.condition)
    if stored.mask is not None:
        x = Masked(jnp.where(stored.mask, x, 0.0), stored.mask)
    if by.condition is not None:
        x = Given(x, by.condition.given(whole, levels, jnp.asarray(stored.labels), by.num_classes))
    return x if by.prepare is None else by.prepare(key, x)


def _varied(by: Making, key: PRNGKeyArray, stored: Stored) -> Stored:
    """Training images as they could have been as well, and what is missing of them where it is then."""
    if by.augment is None:
        return stored
    key, images, mask = jax.random.fold_in(key, 2), jnp.asarray(stored.images), stored.mask
    if mask is not None and mask.shape != images.shape:
        raise UsageError("data.augment moves what data.condition shows to where data.missing hides: unset one of them")
    return stored._replace(images=by.augment(key, images), mask=None if mask is None else by.augment(key, mask))


def _observe(by: Making, key: PRNGKeyArray, split: Split) -> Example:
    if by.fraction is None:
        return example_of(by, key, _store(by, split))
    pixels_key, mask_key = jax.random.split(key)
    shown = by._replace(fraction=None)
    whole = shown._replace(has_gaps=False)
    shape = jax.eval_shape(lambda: _x_of(example_of(whole, pixels_key, _store(whole, split)))).shape
    mask = jax.random.bernoulli(mask_key, 1 - by.fraction, shape)
    stored = _store(shown, split)
    return example_of(by, pixels_key, stored._replace(mask=mask if stored.mask is None else mask & stored.mask))


def _x_of(example: Example) -> Example:
    return example.x if type(example) is Given else example
