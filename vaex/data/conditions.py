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

Shape = tuple[int, ...]
Pixels = Array | np.ndarray  # of jax in a train step, of numpy in a data set


class Condition(NamedTuple):
    """A kind of condition, as functions of a batch."""

    # (x of the whole image, its grey levels as uint8, its label, the number of classes) -> conditions
    given: Callable[[Pixels, Pixels, Pixels, int], Pixels]
    shape: Callable[[Shape, int], Shape]  # (image's shape, number of classes) -> a condition's, or a UsageError
    observed: Callable[[Any], Any] = lambda x: x  # the whole image -> what is modelled of it
    # (x, grey levels) of an image that is the condition -> conditions
    of_part: Callable[[Pixels, Pixels], Pixels] | None = None
    reports: tuple[str, ...] = ()  # names in evaluate.REPORTS
    figures: tuple[str, ...] = ()  # names in figures.FIGURES
    cut: Callable[[Dataset, int], Dataset] = lambda dataset, num_previous: dataset  # into examples
    of_frames: bool = False  # whether what other images have for channels are frames
    of_all: bool = False  # whether it tells of every pixel that is modelled


def averaged(images: Float[Array, "*batch h w c"], block: int) -> Float[Array, "*batch small_h small_w c"]:
    """The averages of blocks of pixels, of images whose height and width the block's side divides."""
    *batch, h, w, c = images.shape
    return images.reshape(*batch, h // block, block, w // block, block, c).mean(axis=(-4, -2))


def upper_half(images: Shaped[Pixels, "*batch h w c"]) -> Shaped[Pixels, "*batch h_2 w c"]:
    """The rows above the middle."""
    return images[..., : images.shape[-3] // 2, :, :]


def lower_half(images: Shaped[Pixels, "*batch h w c"]) -> Shaped[Pixels, "*batch h_2 w c"]:
    """The other rows."""
    return images[..., images.shape[-3] // 2 :, :, :]


def _small(name: str, block: int) -> Condition:
    """The averages of blocks of grey levels.

    Not of x: averages of dequantized pixels would pin their noise down, and the density of x given them would have no
    bound.
    """

    def shape(x_shape: Shape, num_classes: int) -> Shape:
        height, width, channels = x_shape
        if height % block or width % block:
            raise UsageError(
                f"data.condition is {name!r} on images of {height} x {width} pixels: expected a height and a width "
                f"that {block} divides"
            )
        return (height // block, width // block, channels)

    given = lambda x, images, labels, num_classes: averaged(images.astype(jnp.float32) / 255, block)
    of_part = lambda x, images: images.astype(jnp.float32) / 255
    return Condition(given, shape, of_part=of_part, reports=("enlargement",), figures=("enlargements",), of_all=True)


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
        lambda x_shape, num_classes: (num_classes,),
        figures=("samples_by_label",),
    ),
    "low_resolution": _small("low_resolution", 4),
    "half_resolution": _small("half_resolution", 2),
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


def condition_of(name: str | None) -> Condition | None:
    """The condition of a name in CONDITIONS; None of None."""
    return None if name is None else CONDITIONS[name]


def modelled(images: Any, condition: Condition | None) -> Any:
    """What is modelled of images or masks, [N, H, W, C]: all, or what is left beside the condition."""
    return images if condition is None else condition.observed(images)
