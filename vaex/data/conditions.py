"""What is given of an image, and what is left to be modelled."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Shaped

from vaex.data import Dataset
from vaex.data.frames import windows
from vaex.errors import UsageError

BLOCK = 4  # pixels on a side, averaged into one: 28 x 28 -> 7 x 7
Shape = tuple[int, ...]
Pixels = Array | np.ndarray  # of jax in a train step, of numpy in a data set


class Condition(NamedTuple):
    """A kind of condition, as functions of a batch."""

    # (x of the whole image, its grey levels as uint8, its label, the number of classes) -> conditions
    given: Callable[[Any, Any, Any, int], Any]
    shape: Callable[[Shape, int], Shape]  # (image's shape, number of classes) -> a condition's, or a UsageError
    observed: Callable[[Any], Any] = lambda x: x  # the whole image -> what is modelled of it
    of_part: Callable[[Any, Any], Any] | None = None  # (x, grey levels) of an image that is the condition -> conditions
    reports: tuple[str, ...] = ()  # names in evaluate.REPORTS
    figures: tuple[str, ...] = ()  # names in figures.FIGURES
    cut: Callable[[Dataset, int], Dataset] = lambda dataset, num_previous: dataset  # into examples
    of_frames: bool = False  # whether what other images have for channels are frames


def low_resolution(images: Float[Array, "*batch h w c"]) -> Float[Array, "*batch h_4 w_4 c"]:
    """The averages of blocks of 4 x 4 pixels, of images whose height and width 4 divides."""
    *batch, h, w, c = images.shape
    return images.reshape(*batch, h // BLOCK, BLOCK, w // BLOCK, BLOCK, c).mean(axis=(-4, -2))


def upper_half(images: Shaped[Pixels, "*batch h w c"]) -> Shaped[Pixels, "*batch h_2 w c"]:
    """The rows above the middle."""
    return images[..., : images.shape[-3] // 2, :, :]


def lower_half(images: Shaped[Pixels, "*batch h w c"]) -> Shaped[Pixels, "*batch h_2 w c"]:
    """The other rows."""
    return images[..., images.shape[-3] // 2 :, :, :]


def _label_shape(x_shape: Shape, num_classes: int) -> Shape:
    if num_classes < 1:
        raise UsageError(
            "data.condition is 'label', but some images have none: use a data set with labels, or another condition"
        )
    return (num_classes,)


def _small_shape(x_shape: Shape, num_classes: int) -> Shape:
    height, width, channels = x_shape
    if height % BLOCK or width % BLOCK:
        raise UsageError(
            f"data.condition is 'low_resolution' on images of {height} x {width} pixels: expected a height and a width "
            f"that {BLOCK} divides"
        )
    return (height // BLOCK, width // BLOCK, channels)


def _half_shape(x_shape: Shape, num_classes: int) -> Shape:
    height, width, channels = x_shape
    if height < 2:
        raise UsageError(f"data.condition is 'half' on images {height} pixel high: expected at least 2")
    return (height // 2, width, channels)


def _previous_shape(x_shape: Shape, num_classes: int) -> Shape:
    *size, frames = x_shape
    return (*size, frames - 1)


CONDITIONS = {
    "label": Condition(
        lambda x, images, labels, num_classes: jax.nn.one_hot(labels, num_classes),
        _label_shape,
        figures=("samples_by_label",),
    ),
    # From the grey levels and not from x: averages of dequantized pixels would pin their noise down, and the density
    # of x given them would have no bound.
    "low_resolution": Condition(
        lambda x, images, labels, num_classes: low_resolution(images.astype(jnp.float32) / 255),
        _small_shape,
        of_part=lambda x, images: images.astype(jnp.float32) / 255,
        reports=("enlargement",),
        figures=("enlargements",),
    ),
    # From x: log p(lower|upper) is then log p(x) - log p(upper), comparable with an unconditional model's.
    "half": Condition(
        lambda x, images, labels, num_classes: upper_half(x),
        _half_shape,
        lower_half,
        of_part=lambda x, images: x,
        figures=("completions",),
    ),
    # The frames of a window are its channels, the last of which is foreseen.
    "previous": Condition(
        lambda x, images, labels, num_classes: x[..., :-1],
        _previous_shape,
        lambda x: x[..., -1:],
        of_part=lambda x, images: x,
        figures=("roll_outs",),
        cut=windows,
        of_frames=True,
    ),
}
