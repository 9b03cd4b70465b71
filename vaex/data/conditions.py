"""What is given of an image, and what is left to be modelled."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from vaex.data import Split

BLOCK = 4  # pixels on a side, averaged into one: 28 x 28 -> 7 x 7


def low_resolution(images: Float[Array, "*batch h w c"]) -> Float[Array, "*batch h_4 w_4 c"]:
    """The averages of blocks of 4 x 4 pixels, of images whose height and width 4 divides."""
    *batch, h, w, c = images.shape
    return images.reshape(*batch, h // BLOCK, BLOCK, w // BLOCK, BLOCK, c).mean(axis=(-4, -2))


def upper_half(images: Float[Array, "*batch h w c"]) -> Float[Array, "*batch h_2 w c"]:
    """The rows above the middle."""
    return images[..., : images.shape[-3] // 2, :, :]


def lower_half(images: Float[Array, "*batch h w c"]) -> Float[Array, "*batch h_2 w c"]:
    """The other rows."""
    return images[..., images.shape[-3] // 2 :, :, :]


class Condition(NamedTuple):
    """A kind of condition, as functions of a batch."""

    given: Callable[[Array, Split, int | None], Array]  # (x of the whole image, stored split, classes) -> conditions
    observed: Callable[[Any], Any] = lambda x: x  # the whole image -> what is modelled of it


CONDITIONS = {
    "label": Condition(lambda x, split, num_classes: jax.nn.one_hot(split.labels, num_classes)),
    # From the grey levels and not from x: averages of dequantized pixels would pin their noise down, and the density
    # of x given them would have no bound.
    "low_resolution": Condition(lambda x, split, num_classes: low_resolution(split.images.astype(jnp.float32) / 255)),
    # From x: log p(lower|upper) is then log p(x) - log p(upper), comparable with an unconditional model's.
    "half": Condition(lambda x, split, num_classes: upper_half(x), lower_half),
}
