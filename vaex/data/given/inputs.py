"""INPUT, the name of what a user gives a trained model -> images or rows: of a file, a folder, or a data set."""

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from vaex.data import Split, load, npz, source_names
from vaex.data.form import MODES, Form
from vaex.data.given.as_trained import as_given, check_given_shape
from vaex.data.given.kept import GivenImages, Kept
from vaex.data.sources import array_files
from vaex.data.sources.image_file import as_pixels, read_files
from vaex.data.sources.image_folder import image_files
from vaex.data.sources.tables import TABLES, read_table
from vaex.data.tabular.named import in_own_units, named
from vaex.errors import UsageError
from vaex.files import expanded
from vaex.models.columns import CLASSES

_OF_IMAGES = "NAME.npz, NAME.npy, folder:PATH or the name of a data set"
_OF_ROWS = "NAME.csv, NAME.tsv, NAME.parquet, table:PATH, NAME.npz, NAME.npy or the name of a data set"


def read_given(name: str, kept: Kept, *, may_miss: bool = False) -> GivenImages:
    """What an INPUT names: NAME.npz, NAME.npy, folder:PATH, NAME.csv, or a data set, of which the test split is taken.

    An npz file has images, and perhaps labels and a mask; of one with splits the test images are taken. Those of a
    folder come in the order of their names, without labels. Of a model of rows a table is read by the names of its
    columns, in any order; others are left out.

    Args:
        name: what is read.
        kept: what a run keeps of its data set.
        may_miss: whether nan is a pixel, or a value, that is missing.

    Raises:
        UsageError: nothing of that name, no images, images of another shape, or rows of other columns.
    """
    source, colon, argument = name.partition(":")
    expected = f"expected {_OF_ROWS if kept.columns else _OF_IMAGES}"
    if colon and source not in source_names():
        raise UsageError(f"INPUT is {name}: {expected}")
    if colon and not argument.strip():
        raise UsageError(f"INPUT is {name}: expected a path behind the colon")
    path = expanded(argument if source == "table" and colon else name)
    is_table = path.suffix.lower() in TABLES or (source == "table" and colon)
    if is_table if not kept.columns else source == "folder" and colon:
        of, found = ("rows", "a folder of images") if kept.columns else ("images", "a table")
        raise UsageError(f"INPUT is {name}, {found}, and the model is of {of}: {expected}")
    if source == "folder" and colon:
        return _of_folder(argument, kept)
    is_arrays = path.suffix.lower() in _READERS and not colon
    if (is_table or is_arrays) and not path.exists():
        raise UsageError(f"INPUT is {name}: no such file; {expected}")
    if is_table:
        classes = {column.name for column in (*kept.columns, kept.label) if column and column.type in CLASSES}
        rows = _cells(path, is_text=lambda name: name in classes)
        given = as_given(rows, kept, may_miss=may_miss, what=str(path))
        return given._replace(cells=functools.partial(_cells, path, is_raw=True))
    if is_arrays:
        arrays = _READERS[path.suffix.lower()](path)
        return as_given(arrays.pop("images"), kept, **arrays, may_miss=may_miss, what=str(path))
    return _of_data_set(name, kept, may_miss)


def of_split(split: Split, kept: Kept) -> GivenImages:
    """A split of the run's own data set."""
    mask = ~np.isnan(split.images) if kept.columns else None
    return GivenImages(split.images, split.labels, None if mask is None or mask.all() else mask)


def _cells(path: Path, **options: Any) -> np.ndarray:
    tables = read_table(str(path), **options)[0]
    return tables.get("test_images", tables["train_images"])


def _of_data_set(name: str, kept: Kept, may_miss: bool) -> GivenImages:
    dataset, condition = load(name, dir=kept.dir, form=kept.form, columns=kept.said), kept.by.condition
    if bool(kept.columns) != bool(dataset.columns):
        of, found = ("rows", "images") if kept.columns else ("images", "rows")
        raise UsageError(f"INPUT is {name}, a data set of {found}, and the model is of {of}: give it {of}")
    if kept.columns:
        rows = named(dataset.columns, in_own_units(dataset.columns, dataset.test.images))  # classes by their names
        return as_given(rows, kept, labels=dataset.test.labels, may_miss=may_miss, what=f"{name}: test rows")
    if condition is not None and dataset.test.images.shape[1:] != kept.x_shape:
        dataset = condition.cut(dataset, kept.x_shape[2] - 1)
    check_given_shape(dataset.test.images.shape, kept.x_shape, f"{name}: test images")
    return GivenImages(dataset.test.images, dataset.test.labels)


def _of_folder(argument: str, kept: Kept) -> GivenImages:
    folder = expanded(argument)
    files = image_files(folder)
    channels = kept.x_shape[2] if kept.x_shape[2] in MODES else None
    images = as_pixels(read_files(files, Form(kept.form.size, channels)), files[0])
    for path, image in zip(files, images, strict=True):
        check_given_shape((1, *image.shape), kept.x_shape, f"{path}: images")
    return GivenImages(np.stack(images), files=tuple(str(path.relative_to(folder)) for path in files))


def _of_npz(path: Path) -> dict[str, np.ndarray]:
    arrays = array_files.read_npz(path)
    split = "test" if "test_images" in arrays else "train"
    found = {part: arrays[f"{split}_{part}"] for part in ("images", "labels") if f"{split}_{part}" in arrays}
    return found | npz.read_npz(path, {"mask"})


def _of_npy(path: Path) -> dict[str, np.ndarray]:
    return {"images": array_files.read_npy(path)["train_images"]}


_READERS: dict[str, Callable[[Path], dict[str, np.ndarray]]] = {".npz": _of_npz, ".npy": _of_npy}
