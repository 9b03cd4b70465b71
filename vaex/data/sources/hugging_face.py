"""A Hugging Face data set on disk, as its save_to_disk leaves it -> arrays, by the package `datasets`."""

import importlib.util
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from vaex.data.cache import cached
from vaex.data.form import Form
from vaex.data.memory import check_memory
from vaex.data.sources.image_file import Decoded, as_pixels, decoded, whole_image
from vaex.data.sources.image_folder import check_alike
from vaex.data.sources.place import Arrays
from vaex.data.sources.tables import as_array
from vaex.errors import UsageError
from vaex.files import Json, expanded, first_line

_WHOLE, _SPLIT, _ABOUT = "dataset_dict.json", "state.json", "dataset_info.json"
_TEST = ("test", "validation", "valid", "val")  # what the test split is called: the first that is there
_IMAGES = ("Image", "Array2D", "Array3D")  # kinds of columns


def is_hugging_face(folder: Path) -> bool:
    """Whether a folder is such a data set, of several splits or of one."""
    return (folder / _WHOLE).is_file() or ((folder / _SPLIT).is_file() and (folder / _ABOUT).is_file())


def read_hugging_face(argument: str, form: Form) -> tuple[Arrays, str]:
    """The images of a data set, or the rows of a table; a ClassLabel, or a column `label`, is the labels.

    Images are those of the column of the kind Image, Array2D or Array3D, shuffled once by a fixed seed; without one it
    is a table. Of the splits train and test are read, and validation where there is no test.

    Args:
        argument: its folder.
        form: what images are brought to.

    Returns:
        The arrays, and where they are from.

    Raises:
        UsageError: no such data set, `datasets` not installed, no training split, or images that are not alike.
    """
    folder = expanded(argument)
    if not is_hugging_face(folder):
        raise UsageError(f"{folder}: not a Hugging Face data set: expected a folder that its save_to_disk has made")
    splits = _splits(folder)
    kinds = _kinds(splits["train"])
    images = [name for name, feature in kinds.items() if feature in _IMAGES]
    if len(images) > 1:
        raise UsageError(f"{folder} has the images {' and '.join(images)}: keep one of them, by select_columns")
    files = [path for split in splits.values() for path in sorted(split.iterdir()) if path.is_file()]
    size = sum(path.stat().st_size for path in files)
    check_memory(2.0 * size, str(folder), cure="keep fewer examples, by select")
    labels = [name for name, feature in kinds.items() if feature == "ClassLabel" or name in ("label", "labels")]
    label = labels[0] if labels else None
    if not images:
        return _tables(splits, label), str(folder)
    name = f"{folder.resolve().name}-{form.size or 'any'}-{form.channels or 'any'}"
    return cached(name, files, lambda: _images(splits, images[0], label, form)), str(folder)


def _splits(folder: Path) -> dict[str, Path]:
    if not (folder / _WHOLE).is_file():
        return {"train": folder}
    names = _json(folder / _WHOLE)["splits"]
    if "train" not in names:
        raise UsageError(f"{folder} has the splits {', '.join(names)}: expected train, and test where there is one")
    test = next((name for name in _TEST if name in names), None)
    return {"train": folder / "train"} | ({} if test is None else {"test": folder / test})


def _kinds(split: Path) -> dict[str, str]:
    """The kind of each column, by the description that lies beside the data."""
    features = _json(split / _ABOUT)["features"] or {}
    return {name: one.get("_type", "") if type(one) is dict else "" for name, one in features.items()}


def _json(path: Path) -> Json:
    try:
        return json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise UsageError(f"{path}: not a readable JSON file ({error}): make the data set again") from None


def _opened(split: Path) -> Any:
    if importlib.util.find_spec("datasets") is None:
        raise UsageError("datasets, which reads Hugging Face's data sets, is not installed: pip install datasets")
    datasets = importlib.import_module("datasets")

    try:
        return datasets.load_from_disk(str(split))
    except Exception as error:  # of pyarrow's and of its own
        raise UsageError(
            f"{split}: not a readable Hugging Face data set ({first_line(error)}): make it again"
        ) from None


def _images(splits: dict[str, Path], column: str, label: str | None, form: Form) -> Arrays:
    arrays, images = {}, {}
    for split, path in splits.items():
        data = _opened(path)
        order = np.random.default_rng(0).permutation(len(data))
        if _kinds(path)[column] == "Image":
            read = dict(_decoded(data, column, form, str(path)))
            own = dict(zip(read, as_pixels([*read.values()], path), strict=True))
            images |= own
            check_alike(images)
            found = np.stack([*own.values()])
        else:
            found = np.asarray(data.with_format("numpy")[:][column])
        arrays[f"{split}_images"] = found[order]
        if label is not None:
            arrays[f"{split}_labels"] = _classes(data[label])[order]
    return arrays


def _decoded(data: Any, column: str, form: Form, path: str) -> Iterator[tuple[str, Decoded]]:
    """Each image with its name; `datasets` decodes one as its row is read."""
    rows = iter(data)
    for i in range(len(data)):
        name = f"{path}, image {i}"
        with whole_image(name):
            if (image := next(rows)[column]) is None:
                raise UsageError(f"{name} is None: expected an image in each row; remove the row by filter")
            found = decoded(image, form, name)
        yield name, found


def _tables(splits: dict[str, Path], label: str | None) -> Arrays:
    arrays: Arrays = {}
    for split, path in splits.items():
        data = _opened(path)
        if label is not None:
            arrays[f"{split}_labels"] = _classes(data[label])
            data = data.remove_columns(label)
        arrays[f"{split}_images"] = as_array(data.with_format("arrow")[:], str(path))
    return arrays


def _classes(values: Iterable[int | None]) -> np.ndarray:
    return np.array([-1 if value is None else value for value in values])
