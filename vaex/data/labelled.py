"""Which images keep their labels when most are to be without."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Int, PRNGKeyArray

from vaex.errors import UsageError


def choose_labelled(
    key: PRNGKeyArray, labels: np.ndarray, num_labels: int, *, num_classes: int
) -> Int[Array, " num_labels"]:
    """The indices of images to keep the labels of, as many of each class as can be.

    Args:
        key: a PRNG key, which may be traced.
        labels: of all images, [N]; -1 where there is none.
        num_labels: how many to choose. What does not divide by the classes goes to some of them by the key.
        num_classes: labels are 0 to num_classes - 1.

    Returns:
        Indices into labels, [num_labels].

    Raises:
        UsageError: images without labels, labels outside the classes, a class without images, or a number of labels
            that leaves a class without any or no image unlabelled.
    """
    if labels.min() < 0 or num_classes < 1:
        raise UsageError(
            "data.num_labels is set, but the data set has no labels of some of its images, or of all: use one that has "
            "them, or unset it"
        )
    if labels.max() >= num_classes:
        raise UsageError(
            f"num_classes is {num_classes}, but the data set has the label {labels.max()}: expected labels 0 to "
            f"{num_classes - 1}"
        )
    if missing := sorted(set(range(num_classes)) - set(labels.tolist())):
        raise UsageError(
            f"data.num_labels is set, but no training image has label {missing[0]}: expected some of each of the "
            f"{num_classes} classes, from 0; number them without a gap"
        )
    if not num_classes <= num_labels < len(labels):
        raise UsageError(
            f"data.num_labels is {num_labels}: expected {num_classes} (one of each class) to {len(labels) - 1} (of "
            f"{len(labels)} training images at least one without a label)"
        )
    counts = np.bincount(labels, minlength=num_classes)
    return _chosen(key, jnp.asarray(labels), jnp.asarray(np.cumsum(counts) - counts), num_labels)


@functools.partial(jax.jit, static_argnums=3)
def _chosen(key: PRNGKeyArray, labels: Int[Array, " n"], first: Int[Array, " classes"], num: int) -> Int[Array, " num"]:
    """In an order drawn by the key, the first image of each class, the second of each and so on."""
    order = jax.random.permutation(key, len(labels))
    classes = labels[order]
    by_class = jnp.argsort(classes, stable=True)  # places in the order, those of one class after another
    rank = jnp.zeros(len(labels), jnp.int32)  # of an image in its class
    rank = rank.at[by_class].set(jnp.arange(len(labels), dtype=jnp.int32) - first[classes[by_class]])
    return order[jnp.argsort(rank, stable=True)[:num]]
