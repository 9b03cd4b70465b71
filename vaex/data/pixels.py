"""What the numbers of images mean, decided once, from the types and ranges of all splits together."""

from collections.abc import Callable, Collection, Mapping
from typing import NamedTuple

import numpy as np

from vaex.data.blocks import Blocks, of_array, rows_of
from vaex.data.dtypes import is_bool, is_float, is_number, is_whole
from vaex.errors import UsageError

CHANNELS = (1, 3, 4)  # grey, colour, colour with opacity: what can be drawn
_LEVELS = "grey levels up to"
_DARK = 32  # integers from 2 to below it are taken for those of another scale


def as_levels(
    splits: Mapping[str, np.ndarray],
    source: str,
    *,
    channels: Collection[int] = CHANNELS,
    integers_are_levels: bool = False,
) -> tuple[dict[str, np.ndarray], str]:
    """Images of any number type as uint8 levels, and what their numbers were taken for.

    Truth values and integers of which none is above 1 are black and white, 0 and 255; other integers are levels of 255;
    floats go from black at 0 to white at 1 and are rounded to 255ths.

    Args:
        splits: images by the name of their split, each [N, H, W] or [N, H, W, C], of one type and one scale.
        source: where they are from, for the error.
        channels: how many an image may have.
        integers_are_levels: whether integers are levels of 255, however low the highest: those that go with such.

    Returns:
        uint8 [N, H, W, C] by the same names, and the words.

    Raises:
        UsageError: another shape or type, nothing in it, values that are not finite or in no such range, or splits that
            differ in them.
    """
    blocks = {split: of_array(images) for split, images in splits.items()}
    convert, said = level_rule(blocks, source, channels, integers_are_levels)
    return {split: convert(images) for split, images in splits.items()}, said


def level_rule(
    splits: Mapping[str, Blocks],
    source: str,
    channels: Collection[int] = CHANNELS,
    integers_are_levels: bool = False,
) -> tuple[Callable[[np.ndarray], np.ndarray], str]:
    """What makes levels of any of the images, by all of them; the arguments and what is raised are those of as_levels.

    Each is read once, piece by piece.
    """
    found = {split: _survey(blocks, f"{source}: {split} images", channels) for split, blocks in splits.items()}
    if len({(one.family, one.shape) for one in found.values()}) > 1:
        told = ", ".join(f"{split} images are {one.shape} of {one.dtype}" for split, one in found.items())
        raise UsageError(f"{source}: {told}: make them alike")
    family, highest = next(iter(found.values())).family, max(one.highest for one in found.values())
    if integers_are_levels and family == "integer":
        return _levels, f"{_LEVELS} {highest} of 255"
    convert, said = _conversion(family, highest, source)
    _check_scale({split: one.highest for split, one in found.items()}, convert, source)
    return convert, said


def are_levels(meaning: str) -> bool:
    """Whether the numbers of images were taken for integers that are levels of 255, by the words for it."""
    return meaning.startswith(_LEVELS)


def _levels(images: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(_shaped(images).astype(np.uint8))


def _conversion(family: str, highest: float, source: str) -> tuple[Callable[[np.ndarray], np.ndarray], str]:
    if family == "bool" or (family == "integer" and highest == 1):
        white = lambda images: np.where(images > 0, np.uint8(255), np.uint8(0))
        return lambda images: white(_shaped(images)), "black and white (0 and 1)"
    if family == "integer":
        if highest and highest < _DARK:
            raise UsageError(
                f"{source}: images are integers up to {highest}: expected 0 and 1, or levels up to 255; store arrays "
                "as floats, divided by their white, or files with a white of 255, or of 65,535 in 16 bits"
            )
        return _levels, f"{_LEVELS} {highest} of 255"
    if 0 < highest < 1.5 / 255:
        raise UsageError(
            f"{source}: images are floats up to {highest:.3g}: expected black at 0 and white at 1; divide them by "
            "their white"
        )
    return lambda images: _rounded(_shaped(images)), f"floats up to {highest:.4g}, rounded to 255ths"


def _rounded(images: np.ndarray) -> np.ndarray:
    """In pieces, since float64 of a large data set is eight times its levels."""
    levels = np.empty(images.shape, np.uint8)
    for i in range(0, len(images), 4096):
        levels[i : i + 4096] = np.round(images[i : i + 4096].astype(np.float64) * 255)
    return levels


class _Survey(NamedTuple):
    """What there is to know of the images of a split."""

    shape: tuple[int, ...]  # of one, with its channels
    dtype: np.dtype
    family: str
    highest: float


def _survey(blocks: Blocks, what: str, channels: Collection[int]) -> _Survey:
    shape = _image_shape(blocks, what, channels)
    none = np.empty(0, blocks.dtype)  # its numbers are of the family of all
    num_bad, first_bad = 0, -1
    lows, highs = [], []
    for at, images in rows_of(blocks):
        if is_float(none) and not (finite := np.isfinite(images)).all():
            first_bad = first_bad if num_bad else at.start + int(np.argwhere(~finite)[0][0])
            num_bad += int((~finite).sum())
        lows.append(images.min())
        highs.append(images.max())
    if num_bad:
        raise UsageError(
            f"{what} hold {num_bad} values that are nan or infinite, the first in image {first_bad}: remove or mend "
            "them"
        )
    low, high = min(lows), max(highs)
    limit = 255 if is_whole(none) else 1
    if low < 0 or high > limit:
        white = "divided by the largest value that there can be"
        white = "the smallest subtracted, then divided by the range" if low < 0 else white
        rows = "; rows of numbers are [N, D]" if len(shape) < 3 or low < 0 else ""
        raise UsageError(
            f"{what} ({blocks.dtype}) lie in [{low:g}, {high:g}]: expected [0, {limit}]; "
            f"integers go from 0 to 255, floats from 0 to 1; store them as floats, {white}{rows}"
        )
    family = "bool" if is_bool(none) else "integer" if is_whole(none) else "float"
    return _Survey(shape, blocks.dtype, family, high.item())


def _image_shape(images: Blocks, what: str, channels: Collection[int]) -> tuple[int, ...]:
    if len(images.shape) not in (3, 4) or not np.prod(images.shape):
        raise UsageError(
            f"{what} have shape {images.shape}: expected [N, H, W] or [N, H, W, C], and at least one image (of 10 or "
            "more without a test split, a tenth becomes it)"
        )
    if not is_number(np.empty(0, images.dtype)):
        raise UsageError(f"{what} are of type {images.dtype}: expected truth values, integers or floats")
    if len(images.shape) == 3:
        return (*images.shape[1:], 1)
    if images.shape[3] not in channels:
        first = images.shape[1] in channels
        cure = "axis 1 looks like the channels: np.moveaxis(images, 1, -1)" if first else "keep so many of them, or one"
        raise UsageError(
            f"{what} have shape {images.shape}, [N, H, W, C] with C = {images.shape[3]} channels: expected 1, 3 or 4; "
            f"{cure}"
        )
    return images.shape[1:]


def _shaped(images: np.ndarray) -> np.ndarray:
    return images[..., None] if images.ndim == 3 else images


def _check_scale(highest: Mapping[str, float], convert: Callable[[np.ndarray], np.ndarray], source: str) -> None:
    """One split in 0..1 or 0..16 and another in 0..255 were scaled by different hands; all black may be so."""
    levels = [int(convert(np.full((1, 1, 1), high)).max()) for high in highest.values()]
    reached = [level for level in levels if level]
    if reached and min(reached) <= 16 and max(reached) >= 128:
        told = ", ".join(f"{split} images reach {high:.4g}" for split, high in highest.items())
        raise UsageError(f"{source}: {told}: put them on one scale")
