"""Which images keep their labels when most are to be without."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Int, PRNGKeyArray

from vaex.errors import UsageError


def choose_labelled(
    key: PRNGKeyArray, labels: np.ndarray, num_labels: int | None, *, num_classes: int
) -> Int[Array, " num_labels"]:
    """The indices of images to keep the labels of, among those that have one, as many of each class as can be.

    Args:
        key: a PRNG key, which may be traced.
        labels: of all images, [N]; -1 where there is none.
        num_labels: how many to choose; None for all that there are. What does not divide by the classes goes to some of
            them by the key.
        num_classes: labels are 0 to num_classes - 1.

    Returns:
        Indices into labels, [num_labels].

    Raises:
        UsageError: no labels, labels outside the classes, a class without images, or a number of labels that leaves a
            class without any or no image unlabelled.
    """
    places = np.flatnonzero(labels >= 0)
    if not len(places) or num_classes < 1:
        raise UsageError(
            "no training image has a label, and some are to be learned from: use a data set with labels, or unset "
            "data.num_labels and take another model"
        )
    if labels.max() >= num_classes:
        raise UsageError(
            f"num_classes is {num_classes}, but the data set has the label {labels.max()}: expected labels 0 to "
            f"{num_classes - 1}"
        )
    if missing := sorted(set(range(num_classes)) - set(labels.tolist())):
        raise UsageError(
            f"no training image has label {missing[0]}, and some are to be learned from: expected some of each of the "
            f"{num_classes} classes, from 0; number them without a gap"
        )
    most, why = len(places), f"all that have one of {len(labels)} training images"
    if most == len(labels):
        most, why = most - 1, f"of {len(labels)} training images at least one without a label"
    num = len(places) if num_labels is None else num_labels
    if not num_classes <= num <= most:
        found = f"is {num_labels}" if num_labels is not None else f"is unset, and {num:,} training images have a label"
        raise UsageError(
            f"data.num_labels {found}: expected {num_classes} (one of each class) to {most} ({why}); set "
            "--config.data.num_labels"
        )
    counts = np.bincount(labels[places], minlength=num_classes)
    found = _chosen(key, jnp.asarray(labels[places]), jnp.asarray(np.cumsum(counts) - counts), num)
    return jnp.asarray(places.astype(np.int32))[found]


@functools.partial(jax.jit, static_argnums=3)
def _chosen(key: PRNGKeyArray, labels: Int[Array, " n"], first: Int[Array, " classes"], num: int) -> Int[Array, " num"]:
    """In an order drawn by the key, the first image of each class, the second of each and so on."""
    order = jax.random.permutation(key, len(labels))
    classes = labels[order]
    by_class = jnp.argsort(classes, stable=True)  # places in the order, those of one class after another
    rank = jnp.zeros(len(labels), jnp.int32)  # of an image in its class
    rank = rank.at[by_class].set(jnp.arange(len(labels), dtype=jnp.int32) - first[classes[by_class]])
    return order[jnp.argsort(rank, stable=True)[:num]]
