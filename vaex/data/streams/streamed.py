"""A data set that is decoded once into files of records, of which training reads a few batches at a time."""

import contextlib
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from vaex.data.blocks import Blocks, rows_of, whole
from vaex.data.cache import alone_in, cache_name, file_stats, read_arrays, write_arrays
from vaex.data.classes import as_classes
from vaex.data.form import Form, formed
from vaex.data.held_out import check_test, held_out
from vaex.data.pixels import level_rule
from vaex.data.streams.records import Records, writing_records
from vaex.errors import UsageError, WriteError
from vaex.files import cache_dir

_ABOUT = "about.npz"  # written last: a folder that has it is whole
_MOST_TEST = 10_000  # images that are held out for the test split, which is evaluated in memory


class Laid(NamedTuple):
    """A split of a data set on disk."""

    records: Records
    labels: np.ndarray  # int32 [N]; -1 where an image has none


def lay(
    name: str, files: Sequence[Path], blocks: dict[str, Blocks], form: Form, source: str, *, below: Path | None = None
) -> tuple[dict[str, Laid], str]:
    """A data set as files of uint8 images in the cache's folder, made where they are not there.

    Args:
        name: the data set, to make the folder's name readable.
        files: what the blocks are read from; the folder's name changes with their paths, sizes and times.
        blocks: train_images, train_labels, ..., as the source has them.
        form: what images are brought to.
        source: where they are from, for errors.
        below: a folder, where the files' names below it have a meaning.

    Returns:
        The splits train and test, and what the numbers of their images were taken for.

    Raises:
        UsageError: images of no usable form, or damage, in the source or in the folder.
        WriteError: no room in the folder.
    """
    of = (file_stats(files, below), form, [(key, one.shape, str(one.dtype)) for key, one in blocks.items()])
    folder = cache_dir() / "records" / cache_name(name, of)
    if not (folder / _ABOUT).is_file():
        try:
            with alone_in(folder):
                if not (folder / _ABOUT).is_file():  # nor has another process made it meanwhile
                    print(f"decoding {name}, once, into {folder}", flush=True)
                    _lay(folder, blocks, form, source)
        except WriteError as error:
            raise error.advised("make room there, or set VAEX_CACHE_DIR to a folder that has some") from None
    try:
        about = read_arrays(folder / _ABOUT)
    except UsageError as error:
        raise UsageError(f"{error}: remove {folder}, and the same command makes it again") from None
    splits = {}
    for split in ("train", "test"):
        shape, sums = tuple(about[f"{split}_shape"].tolist()), about[f"{split}_sums"]
        splits[split] = Laid(Records(folder / f"{split}.npy", shape, sums), about[f"{split}_labels"])
    return splits, str(about["meaning"])


def _lay(folder: Path, blocks: dict[str, Blocks], form: Form, source: str) -> None:
    check_test(blocks, source)
    images = {split: blocks[f"{split}_images"] for split in ("train", "test") if f"{split}_images" in blocks}
    convert, meaning = level_rule(images, source)
    about: dict[str, np.ndarray] = {"meaning": np.array(meaning)}
    for origin, of_origin in images.items():
        labels, orders = _labels(blocks, origin, source), _orders(images, origin, source)
        first = formed(convert(next(of_origin.read())[:1]), form).shape[1:]
        with contextlib.ExitStack() as stack:
            writers = {}
            for split, order in orders.items():
                about[f"{split}_shape"] = np.array((len(order), *first))
                about[f"{split}_labels"] = labels[order]
                put, about[f"{split}_sums"] = stack.enter_context(
                    writing_records(folder / f"{split}.npy", (len(order), *first))
                )
                places = np.full(of_origin.shape[0], -1)
                places[order] = np.arange(len(order))
                writers[split] = put, places
            for at, piece in rows_of(of_origin):
                levels = formed(convert(piece), form)
                for put, places in writers.values():
                    here = places[at] >= 0
                    put(places[at][here], levels[here])
    write_arrays(folder / _ABOUT, about)


def _orders(images: dict[str, Blocks], origin: str, source: str) -> dict[str, np.ndarray]:
    """Of each split that is made of a source's split, which of its images it has."""
    num = images[origin].shape[0]
    if "test" in images:
        return {origin: np.arange(num)}
    if num < 10:
        raise UsageError(f"{source} has {num} images: expected 10 or more, of which a tenth becomes the test split")
    test, train = held_out(num, most=_MOST_TEST)
    return {"train": train, "test": test}


def _labels(blocks: dict[str, Blocks], split: str, source: str) -> np.ndarray:
    num = blocks[f"{split}_images"].shape[0]
    if (stored := blocks.get(f"{split}_labels")) is None:
        return np.full(num, -1, np.int32)
    return as_classes(whole(stored), num, f"{source}: {split} labels")
