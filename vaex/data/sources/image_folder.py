"""A folder of images -> arrays: any size, grey or colour, its subfolders for labels."""

import contextlib
import os
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from vaex.data.blocks import Blocks, of_array, per_piece
from vaex.data.form import Form, Picture, fitted, with_channels
from vaex.data.sources.place import Arrays
from vaex.errors import UsageError

SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff", ".bmp")
_GREY = ("1", "L", "LA", "I", "I;16", "I;16B", "I;16L", "I;16N")
_DEEPEST = 2**16 - 1
_SPLITS = {"train": "train", "test": "test", "val": "validation", "validation": "validation"}


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


def said_of(folder: Path, files: Sequence[Path]) -> str:
    """Where images are from, in words, which name what keeps subfolders from being labels."""
    beside = [path.name for path in files if path.parent == folder]
    is_mixed = 0 < len(beside) < len(files)
    return f"{folder} (whose subfolders are no labels, since {beside[0]} lies in none)" if is_mixed else str(folder)


def read_folder(folder: Path, files: Sequence[Path], form: Form) -> Arrays:
    """The images of a folder, shuffled once by a fixed seed, and the numbers of their subfolders for labels.

    Below train/ and test/, where both are there, lie the splits; val/ or validation/ stands in for a missing test/, or
    else comes last in train, where data.num_validation cuts. An image's label is the number, in the order of their
    names, of the subfolder that it lies below; there are none unless every image lies in one.

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
    read = {path: image for path, image in zip(files, read_files(files, form), strict=True)}
    check_alike(read)
    arrays: Arrays = {}
    for split, (paths, labels) in ordered.items():
        arrays[f"{split}_images"] = np.stack([read[path] for path in paths])
        if labels is not None:
            arrays[f"{split}_labels"] = labels
    return arrays


def folder_blocks(folder: Path, files: Sequence[Path], form: Form) -> dict[str, Blocks]:
    """The same in pieces: a file that is no whole image, or is unlike the first, is found where it is read."""
    first, one = files[0], read_files(files[:1], form)[0]
    found: dict[str, Blocks] = {}
    for split, (paths, labels) in _ordered(folder, files).items():

        def read(paths: Sequence[Path] = paths) -> Iterator[np.ndarray]:
            num = per_piece(one.nbytes)
            for i in range(0, len(paths), num):
                some = paths[i : i + num]
                images = read_files(some, form)
                check_alike({first: one, **dict(zip(some, images, strict=True))})
                yield np.stack(images)

        found[f"{split}_images"] = Blocks((len(paths), *one.shape), one.dtype, read)
        if labels is not None:
            found[f"{split}_labels"] = of_array(labels)
    return found


def _ordered(folder: Path, files: Sequence[Path]) -> dict[str, tuple[list[Path], np.ndarray | None]]:
    """The files of train, and of test where it is there, shuffled once, and their labels where all have them."""
    splits = _by_split(folder, files)
    below = {
        split: [path.relative_to(folder).parts[depth:] for path in paths] for split, (depth, paths) in splits.items()
    }
    names = sorted({parts[0] for found in below.values() for parts in found if len(parts) > 1})
    is_labelled = all(len(parts) > 1 for found in below.values() for parts in found)
    ordered: dict[str, tuple[list[Path], np.ndarray | None]] = {}
    for split, (_, paths) in splits.items():
        order = np.random.default_rng(0).permutation(len(paths))
        labels = np.array([names.index(below[split][i][0]) for i in order], np.int32) if is_labelled else None
        ordered[split] = [paths[i] for i in order], labels
    if (held := ordered.pop("validation", None)) is None:
        return ordered
    if "test" not in ordered:
        return ordered | {"test": held}
    (paths, labels), (more, of_more) = ordered["train"], held
    both = None if labels is None or of_more is None else np.concatenate([labels, of_more])
    return ordered | {"train": (paths + more, both)}


def read_files(files: Sequence[Path], form: Form) -> list[np.ndarray]:
    """Images in the order of their files, each uint8 [H, W, C] of its own size.

    Raises:
        UsageError: a file that is no whole image.
    """
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return list(pool.map(lambda path: _read(path, form), files))


def _by_split(folder: Path, files: Sequence[Path]) -> dict[str, tuple[int, list[Path]]]:
    """Of each split how many folders it lies below, and its images."""
    first = lambda path: _SPLITS.get(path.relative_to(folder).parts[0].lower()) if path.parent != folder else None
    found = {split: [path for path in files if first(path) == split] for split in ("train", "test", "validation")}
    if found["train"] and (found["test"] or found["validation"]) and sum(map(len, found.values())) == len(files):
        return {split: (1, paths) for split, paths in found.items() if paths}
    return {"train": (0, list(files))}


def _read(path: Path, form: Form) -> np.ndarray:
    from PIL import Image

    with whole_image(str(path)), Image.open(path) as opened:
        return pixels(opened, form, str(path))


@contextlib.contextmanager
def whole_image(what: str) -> Iterator[None]:
    """Whatever Pillow says of damage within is said of this image.

    Raises:
        UsageError: in place of what Pillow raises.
    """
    from PIL import Image

    try:
        yield
    except UsageError:  # a ValueError, which has said of what it is
        raise
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise UsageError(f"{what}: not a whole image ({error}): get it again or remove it") from None


def pixels(opened: Picture, form: Form, path: str) -> np.ndarray:
    """One image: uint8 [H, W, C], turned as its EXIF orientation says, what is transparent laid over white.

    Args:
        opened: Pillow's.
        form: what it is brought to.
        path: where it is from, for the error.

    Raises:
        UsageError: its pixels are floats, or integers beyond 16 bits.
    """
    from PIL import Image, ImageOps

    image: Picture = ImageOps.exif_transpose(opened)
    image.load()
    if image.mode == "F":
        raise UsageError(f"{path}: its pixels are floats, of unknown range: save it with 8 or 16 bits")
    is_grey = image.mode in _GREY
    if is_grey and image.mode.startswith("I"):  # 16 bits, which Pillow may hold in 32
        levels = np.asarray(image, np.float64)
        if levels.min() < 0 or levels.max() > _DEEPEST:
            found = f"[{levels.min():.0f}, {levels.max():.0f}]"
            raise UsageError(f"{path}: its pixels lie in {found}: expected 0 to {_DEEPEST}; save it with 8 or 16 bits")
        image = Image.fromarray(np.round(levels / 257).astype(np.uint8))
    channels = form.channels or (1 if is_grey else 3)
    pixels = np.asarray(fitted(with_channels(image, channels), form.size))
    return pixels.reshape(*pixels.shape[:2], channels)


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
