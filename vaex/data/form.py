"""What is asked of a data set as it is read: the size and the channels of images, the types of columns."""

from typing import Any, NamedTuple

import numpy as np

from vaex.errors import OptionError, check_whole

Picture = Any  # of Pillow, which is imported where it is used
MODES = {1: "L", 3: "RGB", 4: "RGBA"}  # Pillow's names, by the number of channels


class Form(NamedTuple):
    """What every image is brought to, and what is said of the columns of a table."""

    size: int | None = None  # height and width; None: as they are, which have to be alike
    channels: int | None = None  # 1 or 3; None: as they are, which have to be alike
    columns: str = ""  # their types, as data.columns says them


AS_THEY_ARE = Form()


def check_form(*, image_size: int | None, channels: int | None) -> None:
    """Raise an OptionError for a size or a number of channels that no image has."""
    check_whole(most=2**14, image_size=image_size)
    if channels not in (None, 1, 3):
        raise OptionError("channels", channels, "1 for grey levels or 3 for colours")


def fitted(image: Picture, size: int | None) -> Picture:
    """A Pillow image of size x size: the largest square about its middle, each pixel the mean of what it covers."""
    from PIL import Image, ImageOps

    return image if size is None else ImageOps.fit(image, (size, size), Image.Resampling.BOX)


def with_channels(image: Picture, channels: int) -> Picture:
    """A Pillow image of so many channels; where opacity is none of them, what is transparent is laid over white."""
    from PIL import Image

    if channels != 4 and image.has_transparency_data:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return image.convert(MODES[channels])


def formed(images: np.ndarray, form: Form) -> np.ndarray:
    """Images of a form: uint8 [N, H, W, C] to [N, size, size, channels]; grey is a colour's luma, 0.299 R + ..."""
    from PIL import Image

    n, height, width, channels = images.shape
    wanted = form.channels or channels
    if (height, width) in ((form.size, form.size), (height, width) if form.size is None else ()) and wanted == channels:
        return images
    opened = (Image.fromarray(one.squeeze(-1) if channels == 1 else one) for one in images)
    return np.stack([np.asarray(fitted(with_channels(one, wanted), form.size)) for one in opened]).reshape(
        n, -1, form.size or width, wanted
    )
