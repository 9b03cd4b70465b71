"""Which images keep their labels when most are to be without."""

import numpy as np

from vaex.errors import UsageError, check_seed


def choose_labelled(labels: np.ndarray, num_labels: int, *, num_classes: int, seed: int) -> np.ndarray:
    """The indices of images to keep the labels of, as many of each class as can be.

    Args:
        labels: of all images, [N]; -1 where there is none.
        num_labels: how many to choose. What does not divide by the classes goes to some of them by the seed.
        num_classes: labels are 0 to num_classes - 1.
        seed: of the choice.

    Returns:
        Indices into labels, [num_labels].

    Raises:
        OptionError: a seed of more than 32 bits.
        UsageError: images without labels, labels outside the classes, a class without images, or a number of labels
            that leaves a class without any or no image unlabelled.
    """
    check_seed(seed=seed)
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
    order = np.random.default_rng(seed).permutation(len(labels))
    rank = np.empty(len(labels), int)  # of an image in its class
    for label in range(num_classes):
        members = order[labels[order] == label]
        rank[members] = np.arange(len(members))
    return order[np.argsort(rank[order], kind="stable")[:num_labels]]
