"""A data set: its splits, and what is known of it."""

from typing import NamedTuple

import numpy as np

from vaex.data.streams.records import Records
from vaex.errors import UsageError
from vaex.models.columns import Column, Columns


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
    records: Records | None = None  # the training images, where they are read from disk a few batches at a time

    @property
    def splits(self) -> dict[str, Split]:
        """Those of its fields that are splits, by their names."""
        return {"train": self.train, "validation": self.validation, "test": self.test}


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
    first = None if dataset.records is None else dataset.records.first(num_train)
    return dataset._replace(train=cut_split(dataset.train, slice(num_train)), records=first)


def cut_split(split: Split, which: slice | np.ndarray) -> Split:
    """Some of the examples of a split."""
    factors = None if split.factors is None else split.factors[which]
    return Split(split.images[which], split.labels[which], factors)
