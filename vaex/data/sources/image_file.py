"""One file -> one image: grey or colour, of 8 bits, whatever its format."""

import contextlib
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import numpy as np

from vaex.data.form import Form, Picture, fitted, with_channels
from vaex.errors import UsageError

_GREY = ("1", "L", "LA", "I", "I;16", "I;16B", "I;16L", "I;16N")
_DEEPEST = 2**16 - 1


class Decoded(NamedTuple):
    """An image, and how bright it was in 16 bits."""

    pixels: np.ndarray  # uint8 [H, W, C]
    highest: int = _DEEPEST  # its highest level, of those that are stored in 16 bits


def read_files(files: Sequence[Path], form: Form) -> list[Decoded]:
    """Images in the order of their files, each of its own size.

    Raises:
        UsageError: a file that is no whole image.
    """
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return list(pool.map(lambda path: _read(path, form), files))


def _read(path: Path, form: Form) -> Decoded:
    from PIL import Image

    with whole_image(str(path)), Image.open(path) as opened:
        return decoded(opened, form, str(path))


def as_pixels(found: Sequence[Decoded], path: object) -> list[np.ndarray]:
    """The pixels of images that are read together.

    Raises:
        UsageError: as check_white.
    """
    check_white(max(one.highest for one in found), path)
    return [one.pixels for one in found]


def check_white(highest: int, path: object) -> None:
    """Raise a UsageError where all images are of 16 bits and none is brighter than 8 bits go.

    Args:
        highest: of all of them.
        path: one of them, or where they are from.
    """
    if 0 < highest <= 255:
        cure = f"save them with 8 bits, or with their white at {_DEEPEST}"
        raise UsageError(f"{path}: its pixels, as all others, end at {highest} of the {_DEEPEST} of 16 bits: {cure}")


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


def decoded(opened: Picture, form: Form, path: str) -> Decoded:
    """One image, turned as its EXIF orientation says, what is transparent laid over white.

    Args:
        opened: Pillow's.
        form: what it is brought to.
        path: where it is from, for the error.

    Raises:
        UsageError: it is one of several, or its pixels are floats, or integers beyond 16 bits.
    """
    from PIL import Image, ImageOps

    match opened:
        case object(n_frames=num, format=name) if num > 1 and name != "MPO":  # a camera's, whose second is the same
            raise UsageError(f"{path} holds {num} images: expected one; save each in a file of its own")
    image: Picture = ImageOps.exif_transpose(opened)
    image.load()
    if image.mode == "F":
        raise UsageError(f"{path}: its pixels are floats, of unknown range: save it with 8 or 16 bits")
    is_grey, highest = image.mode in _GREY, _DEEPEST
    if is_grey and image.mode.startswith("I"):  # 16 bits, which Pillow may hold in 32
        levels = np.asarray(image, np.float64)
        if levels.min() < 0 or levels.max() > _DEEPEST:
            found = f"[{levels.min():.0f}, {levels.max():.0f}]"
            raise UsageError(f"{path}: its pixels lie in {found}: expected 0 to {_DEEPEST}; save it with 8 or 16 bits")
        highest = int(levels.max())
        image = Image.fromarray(np.round(levels / 257).astype(np.uint8))
    channels = form.channels or (1 if is_grey else 3)
    pixels = np.asarray(fitted(with_channels(image, channels), form.size))
    return Decoded(pixels.reshape(*pixels.shape[:2], channels), highest)
