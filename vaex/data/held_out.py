"""Which images of a data set without a test split become one, and classes for all labels."""

from collections.abc import Iterable, Sequence

import numpy as np

from vaex.data.classes import as_classes
from vaex.data.sources.place import Arrays
from vaex.errors import UsageError


def held_out(num: int, *, kept: Sequence[int] = (), most: int | None = None) -> tuple[np.ndarray, np.ndarray]:
    """A tenth of them, by a fixed permutation.

    Args:
        num: how many there are.
        kept: those that are to be trained on, which come first there.
        most: of the test split; None: a tenth, however many.

    Returns:
        The indices of the test split and of the training split, each in its order.
    """
    order = np.random.default_rng(0).permutation(num)
    order = order[~np.isin(order, kept)]
    cut = num // 10 if most is None else min(num // 10, most)
    return order[:cut], np.concatenate([np.array(kept, order.dtype), order[cut:]])


def check_test(arrays: Iterable[str], source: str) -> None:
    """What a source has of a test split goes with its images: labels alone would be those of a tenth of training's.

    Raises:
        UsageError: it has something else of that split, and none.
    """
    found = sorted(name for name in arrays if name.startswith("test_"))
    if found and "test_images" not in found:
        cure = f"add the file of test_images, or take that of {found[0]} away"
        raise UsageError(f"{source} has {found[0]} and no test_images: expected both; {cure}")


def hold_out_test(arrays: Arrays, kept: Sequence[int]) -> Arrays:
    """A tenth of a data set that has no test split, by a fixed permutation; some are kept at the head of train."""
    test, train = held_out(len(arrays["train_images"]), kept=kept)
    rest = {key.replace("train", "test"): value[test] for key, value in arrays.items()}
    return {key: value[train] for key, value in arrays.items()} | rest


def with_classes(arrays: Arrays, source: str) -> Arrays:
    """The same with classes for labels, -1 where there are none."""
    known = dict(arrays)
    for split in ("train", "test"):
        if (images := arrays.get(f"{split}_images")) is not None:
            labels = arrays.get(f"{split}_labels", np.full(len(images), -1, np.int32))
            known[f"{split}_labels"] = as_classes(labels, len(images), f"{source}: {split} labels")
    return known
