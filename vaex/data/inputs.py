"""INPUT, the name of what a user gives a trained model -> images: a file, a folder, or a data set's test split."""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from vaex.data import SOURCES, load, npz, sources
from vaex.data.form import MODES, Form
from vaex.data.given import GivenImages, Kept, as_given, check_given_shape
from vaex.data.image_folder import image_files, read_files
from vaex.errors import UsageError

_EXPECTED = "expected NAME.npz, NAME.npy, folder:PATH or the name of a data set"


def read_given(name: str, kept: Kept, *, may_miss: bool = False) -> GivenImages:
    """What an INPUT names: NAME.npz, NAME.npy, folder:PATH, or a data set, of which the test split is taken.

    An npz file has images, and perhaps labels and a mask; of one with splits the test images are taken. Those of a
    folder come in the order of their names, without labels.

    Args:
        name: what is read.
        kept: what a run keeps of its data set.
        may_miss: whether nan is a pixel that is missing.

    Raises:
        UsageError: nothing of that name, no images, or images of another shape.
    """
    source, colon, argument = name.partition(":")
    if colon and source not in SOURCES:
        raise UsageError(f"INPUT is {name}: {_EXPECTED}")
    if source in _SOURCES and colon:
        return _SOURCES[source](argument, kept)
    path = Path(name).expanduser()
    if path.suffix in _READERS:
        if not path.is_file():
            raise UsageError(f"INPUT is {name}: no such file; {_EXPECTED}")
        arrays = _READERS[path.suffix](path)
        return as_given(arrays.pop("images"), kept, **arrays, may_miss=may_miss, what=str(path))
    test = load(name, dir=kept.dir, form=kept.form).test
    return as_given(test.images, kept, labels=test.labels, what=f"{name}: test images")


def _of_folder(argument: str, kept: Kept) -> GivenImages:
    folder = Path(argument).expanduser()
    files = image_files(folder)
    channels = kept.x_shape[2] if kept.x_shape[2] in MODES else None
    images = read_files(files, Form(kept.form.size, channels))
    for path, image in zip(files, images, strict=True):
        check_given_shape((1, *image.shape), kept.x_shape, f"{path}: images")
    return GivenImages(np.stack(images), files=tuple(str(path.relative_to(folder)) for path in files))


def _of_npz(path: Path) -> dict[str, np.ndarray]:
    arrays = sources.read_npz(path)
    split = "test" if "test_images" in arrays else "train"
    found = {part: arrays[f"{split}_{part}"] for part in ("images", "labels") if f"{split}_{part}" in arrays}
    return found | npz.read_npz(path, {"mask"})


def _of_npy(path: Path) -> dict[str, np.ndarray]:
    return {"images": sources.read_npy(path)["train_images"]}


_READERS: dict[str, Callable[[Path], dict[str, np.ndarray]]] = {".npz": _of_npz, ".npy": _of_npy}

# Of what stands before a colon what is read whole; of others that data sets have, the test split is taken.
_SOURCES: dict[str, Callable[[str, Kept], GivenImages]] = {"folder": _of_folder}
