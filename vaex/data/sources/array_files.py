"""Data sets in numpy's own files, npz and npy, whole or in pieces: images, labels, and factors."""

from collections.abc import Collection
from pathlib import Path

import numpy as np

from vaex.data import npz
from vaex.data.blocks import Blocks, of_npy, of_npz
from vaex.data.sources.place import Arrays
from vaex.errors import UsageError

_DSPRITES = "latents_classes"  # what dSprites calls its factors, whose names stand in objects that nothing here loads
_DSPRITES_NAMES = ("color", "shape", "scale", "orientation", "x", "y")
_NPZ_KEYS = {
    "train_images": ("train_images", "x_train", "images", "x", "imgs"),  # the last is dSprites'
    "train_labels": ("train_labels", "y_train", "labels", "y"),
    "test_images": ("test_images", "x_test"),
    "test_labels": ("test_labels", "y_test"),
    "train_factors": ("train_factors", "factors", _DSPRITES),
    "test_factors": ("test_factors",),
    "factor_names": ("factor_names",),
}


def read_npz(path: Path) -> Arrays:
    """The arrays of an npz file: images, labels, or train_images, ..., or Keras's x_train, ...

    Raises:
        UsageError: it is damaged, has no images, or several arrays that could be them.
    """
    stored = npz.read_npz(path, {name for names in _NPZ_KEYS.values() for name in names})
    named = _named(path, stored)
    arrays = {key: stored[name] for key, name in named.items()}
    return arrays | ({"factor_names": np.array(_DSPRITES_NAMES)} if named.get("train_factors") == _DSPRITES else {})


def npz_blocks(path: Path) -> dict[str, Blocks]:
    """The same in pieces; damage is found where they are read."""
    return {key: of_npz(path, name) for key, name in _named(path, npz.names(path)).items()}


def _named(path: Path, stored: Collection[str]) -> dict[str, str]:
    """What the arrays are called that are read."""
    found = {key: [name for name in known if name in stored] for key, known in _NPZ_KEYS.items()}
    if not found["train_images"]:
        holds = ", ".join(npz.names(path)) or "nothing"
        raise UsageError(f"{path} holds {holds}: expected one of {', '.join(_NPZ_KEYS['train_images'])}")
    for key, names in found.items():
        if len(names) > 1:
            raise UsageError(f"{path} holds {' and '.join(names)}, each of which is {key}: keep one of them")
    if found["test_labels"] and not found["test_images"]:
        cure = f"add {' or '.join(_NPZ_KEYS['test_images'])}"
        raise UsageError(f"{path} holds {found['test_labels'][0]}, and no test images: {cure}")
    return {key: names[0] for key, names in found.items() if names}


def npy_blocks(path: Path) -> dict[str, Blocks]:
    """The images of an npy file, in pieces."""
    return {"train_images": of_npy(path)}


def read_npy(path: Path) -> Arrays:
    """The images of an npy file.

    Raises:
        UsageError: it is damaged, or holds objects.
    """
    try:
        return {"train_images": np.load(path, allow_pickle=False)}
    except Exception as error:  # of numpy's readers, as of npz files
        raise UsageError(f"{path}: not a readable npy file ({' '.join(str(error).split())}): make it again") from None
