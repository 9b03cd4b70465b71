"""A folder of images -> arrays: any size, grey or colour, its subfolders for labels."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from vaex.data.blocks import Blocks, of_array, per_piece
from vaex.data.form import Form
from vaex.data.sources.image_file import as_pixels, check_white, read_files
from vaex.data.sources.place import Arrays
from vaex.errors import UsageError

SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff", ".bmp")
_SPLITS = {"train": "train", "test": "test", "val": "validation", "valid": "validation", "validation": "validation"}


def image_files(folder: Path) -> list[Path]:
    """The images below a folder, in the order of their names; hidden files are none.

    Raises:
        UsageError: no such folder, or no image in it.
    """
    if not folder.is_dir():
        raise UsageError(f"{folder}: no such folder: data.name is folder:PATH, from where the command is given")
    visible = lambda path: not any(part.startswith(".") for part in path.relative_to(folder).parts)
    files = sorted(p for p in folder.rglob("*") if p.suffix.lower() in SUFFIXES and visible(p) and p.is_file())
    if not files:
        raise UsageError(f"{folder}: no image in it or below: expected files that end in {', '.join(SUFFIXES)}")
    return files


def read_folder(folder: Path, files: Sequence[Path], form: Form) -> Arrays:
    """The images of a folder, shuffled once by a fixed seed, and the numbers of their subfolders for labels.

    Below train/ and test/, where both are there, lie the splits; val/, valid/ or validation/ stands in for a missing
    test/, or else comes last in train, where data.num_validation cuts. An image's label is the number, in the order of
    their names, of the subfolder that it lies below; -1, none, of one that lies beside the subfolders.

    Args:
        folder: the folder.
        files: its images.
        form: what each is brought to.

    Returns:
        train_images uint8 [N, H, W, C] and train_labels, and of test likewise where there is a split of that name.

    Raises:
        UsageError: a file that is no whole image, or images of several sizes or numbers of channels.
    """
    ordered = _ordered(folder, files)
    read = dict(zip(files, as_pixels(read_files(files, form), files[0]), strict=True))
    check_alike(read)
    arrays: Arrays = {}
    for split, (paths, labels) in ordered.items():
        arrays[f"{split}_images"] = np.stack([read[path] for path in paths])
        arrays[f"{split}_labels"] = labels
    return arrays


def folder_blocks(folder: Path, files: Sequence[Path], form: Form) -> dict[str, Blocks]:
    """The same in pieces: a file that is no whole image, or is unlike the first, is found where it is read."""
    first, one = files[0], read_files(files[:1], form)[0].pixels
    highest = 0
    found: dict[str, Blocks] = {}
    for split, (paths, labels) in _ordered(folder, files).items():

        def read(paths: Sequence[Path] = paths) -> Iterator[np.ndarray]:
            nonlocal highest
            num = per_piece(one.nbytes)
            for i in range(0, len(paths), num):
                some = paths[i : i + num]
                decoded = read_files(some, form)
                highest = max(highest, *(image.highest for image in decoded))
                images = [image.pixels for image in decoded]
                check_alike({first: one, **dict(zip(some, images, strict=True))})
                yield np.stack(images)
            check_white(highest, first)

        found[f"{split}_images"] = Blocks((len(paths), *one.shape), one.dtype, read)
        found[f"{split}_labels"] = of_array(labels)
    return found


def _ordered(folder: Path, files: Sequence[Path]) -> dict[str, tuple[list[Path], np.ndarray]]:
    """The files of train, and of test where it is there, shuffled once, and their labels."""
    splits = _by_split(folder, files)
    below = {
        split: [path.relative_to(folder).parts[depth:] for path in paths] for split, (depth, paths) in splits.items()
    }
    names = sorted({parts[0] for found in below.values() for parts in found if len(parts) > 1})
    label_of = lambda parts: names.index(parts[0]) if len(parts) > 1 else -1
    ordered: dict[str, tuple[list[Path], np.ndarray]] = {}
    for split, (_, paths) in splits.items():
        order = np.random.default_rng(0).permutation(len(paths))
        ordered[split] = [paths[i] for i in order], np.array([label_of(below[split][i]) for i in order], np.int32)
    if (held := ordered.pop("validation", None)) is None:
        return ordered
    if "test" not in ordered:
        return ordered | {"test": held}
    (paths, labels), (more, of_more) = ordered["train"], held
    return ordered | {"train": (paths + more, np.concatenate([labels, of_more]))}


def _by_split(folder: Path, files: Sequence[Path]) -> dict[str, tuple[int, list[Path]]]:
    """Of each split how many folders it lies below, and its images."""
    first = lambda path: _SPLITS.get(path.relative_to(folder).parts[0].lower()) if path.parent != folder else None
    found = {split: [path for path in files if first(path) == split] for split in ("train", "test", "validation")}
    if not found["train"] or not (found["test"] or found["validation"]):
        return {"train": (0, list(files))}
    if other := [path for path in files if first(path) is None]:
        raise UsageError(
            f"{folder} has a split of its own, and {other[0].relative_to(folder)} in none: expected all images below "
            "train, test and validation; move the others elsewhere, or these folders together"
        )
    return {split: (1, paths) for split, paths in found.items() if paths}


def check_alike(images: Mapping[Any, np.ndarray]) -> None:
    """Raise a UsageError for images of several sizes or numbers of channels."""
    by_shape = {image.shape: path for path, image in images.items()}
    (one, a), *others = by_shape.items()
    for other, b in others:
        if one[2] != other[2]:
            grey, colour = (a, b) if one[2] == 1 else (b, a)
            raise UsageError(f"{grey} is grey and {colour} in colour: set --config.data.channels to 1 or to 3 for all")
        shown = [f"{path} of {shape[1]}x{shape[0]}" for path, shape in ((a, one), (b, other))]
        raise UsageError(
            f"images of {len(by_shape)} sizes, such as {shown[0]} and {shown[1]} pixels: set --config.data.image_size "
            f"to one for all, {min(one[0], one[1], other[0], other[1])}, say"
        )
