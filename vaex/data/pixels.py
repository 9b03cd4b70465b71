"""What the numbers of images mean, decided once, from the types and ranges of all splits together."""

from collections.abc import Collection, Mapping

import numpy as np

from vaex.data.dtypes import is_bool, is_float, is_number, is_whole
from vaex.errors import UsageError

CHANNELS = (1, 3, 4)  # grey, colour, colour with opacity: what can be drawn
_DARK = 32  # integers from 2 to below it are taken for those of another scale


def as_levels(
    splits: Mapping[str, np.ndarray], source: str, *, channels: Collection[int] = CHANNELS
) -> tuple[dict[str, np.ndarray], str]:
    """Images of any number type as uint8 levels, and what their numbers were taken for.

    Truth values and integers of which none is above 1 are black and white, 0 and 255; other integers are levels of 255;
    floats go from black at 0 to white at 1 and are rounded to 255ths.

    Args:
        splits: images by the name of their split, each [N, H, W] or [N, H, W, C], of one type and one scale.
        source: where they are from, for the error.
        channels: how many an image may have.

    Returns:
        uint8 [N, H, W, C] by the same names, and the words.

    Raises:
        UsageError: another shape or type, nothing in it, values that are not finite or in no such range, or splits that
            differ in them.
    """
    shaped = {}
    for split, images in splits.items():
        shaped[split] = _with_channels(images, f"{source}: {split} images", channels)
        _check_values(shaped[split], f"{source}: {split} images")
    families = {_family(images) for images in shaped.values()}
    shapes = {images.shape[1:] for images in shaped.values()}
    if len(families) > 1 or len(shapes) > 1:
        found = ", ".join(f"{split} images are {one.shape[1:]} of {one.dtype}" for split, one in shaped.items())
        raise UsageError(f"{source}: {found}: make them alike")
    highest = {split: images.max().item() for split, images in shaped.items()}
    levels, said = _converted(shaped, families.pop(), max(highest.values()), source)
    _check_scale(levels, highest, source)
    return levels, said


def _converted(
    shaped: Mapping[str, np.ndarray], family: str, highest: float, source: str
) -> tuple[dict[str, np.ndarray], str]:
    if family == "bool" or (family == "integer" and highest == 1):
        white = {split: np.where(images > 0, np.uint8(255), np.uint8(0)) for split, images in shaped.items()}
        return white, "black and white (0 and 1)"
    if family == "integer":
        if highest and highest < _DARK:
            raise UsageError(
                f"{source}: images are integers up to {highest}: expected 0 and 1, or levels up to 255; store them as "
                "floats, divided by their white"
            )
        levels = {split: np.ascontiguousarray(images.astype(np.uint8)) for split, images in shaped.items()}
        return levels, f"grey levels up to {highest} of 255"
    if 0 < highest < 1.5 / 255:
        raise UsageError(
            f"{source}: images are floats up to {highest:.3g}: expected black at 0 and white at 1; divide them by "
            "their white"
        )
    # In pieces, since float64 of a large data set is eight times its levels.
    levels = {split: np.empty(images.shape, np.uint8) for split, images in shaped.items()}
    for split, images in shaped.items():
        for i in range(0, len(images), 4096):
            levels[split][i : i + 4096] = np.round(images[i : i + 4096].astype(np.float64) * 255)
    return levels, f"floats up to {highest:.4g}, rounded to 255ths"


def _with_channels(images: np.ndarray, what: str, channels: Collection[int]) -> np.ndarray:
    if images.ndim not in (3, 4) or not images.size:
        raise UsageError(
            f"{what} have shape {images.shape}: expected [N, H, W] or [N, H, W, C], and at least one image (of 10 or "
            "more without a test split, a tenth becomes it)"
        )
    if not is_number(images):
        raise UsageError(f"{what} are of type {images.dtype}: expected truth values, integers or floats")
    if images.ndim == 3:
        return images[..., None]
    if images.shape[3] not in channels:
        first = images.shape[1] in channels
        cure = "axis 1 looks like the channels: np.moveaxis(images, 1, -1)" if first else "keep so many of them, or one"
        raise UsageError(
            f"{what} have shape {images.shape}, [N, H, W, C] with C = {images.shape[3]} channels: expected 1, 3 or 4; "
            f"{cure}"
        )
    return images


def _family(images: np.ndarray) -> str:
    return "bool" if is_bool(images) else "integer" if is_whole(images) else "float"


def _check_values(images: np.ndarray, what: str) -> None:
    if is_float(images) and not (finite := np.isfinite(images)).all():
        first = int(np.argwhere(~finite)[0][0])
        raise UsageError(
            f"{what} hold {int((~finite).sum())} values that are nan or infinite, the first in image {first}: "
            "remove or mend them"
        )
    limit = 255 if is_whole(images) else 1
    low, high = images.min(), images.max()
    if low < 0 or high > limit:
        white = "divided by the largest value that there can be"
        raise UsageError(
            f"{what} ({images.dtype}) lie in [{low:g}, {high:g}]: expected [0, {limit}]; "
            f"integers go from 0 to 255, floats from 0 to 1; store them as floats, {white}"
        )


def _check_scale(levels: Mapping[str, np.ndarray], highest: Mapping[str, float], source: str) -> None:
    """One split in 0..1 or 0..16 and another in 0..255 were scaled by different hands; all black may be so."""
    reached = [int(images.max()) for images in levels.values() if images.any()]
    if reached and min(reached) <= 16 and max(reached) >= 128:
        told = ", ".join(f"{split} images reach {high:.4g}" for split, high in highest.items())
        raise UsageError(f"{source}: {told}: put them on one scale")
