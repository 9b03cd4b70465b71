"""How training images vary: options -> (key, images) -> images, each that may come out as likely as the others."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jaxtyping import Array, PRNGKeyArray, Shaped

from vaex.choices import Choices
from vaex.errors import check_whole

Images = Shaped[Array, "*batch h w c"]  # grey levels, or what is observed of them
Augment = Callable[[PRNGKeyArray, Images], Images]


def flip() -> Augment:
    """Half of the images with left and right exchanged."""

    def apply(key: PRNGKeyArray, images: Images) -> Images:
        is_flipped = jax.random.bernoulli(key, shape=images.shape[:-3])
        return jnp.where(is_flipped[..., None, None, None], images[..., ::-1, :], images)

    return apply


def shift(*, pixels: int = 2) -> Augment:
    """Moved along both axes, with the pixels of the edge once more where nothing moves to.

    Args:
        pixels: the largest distance along each.
    """
    check_whole(pixels=pixels)

    def apply(key: PRNGKeyArray, images: Images) -> Images:
        *batch, height, width, _ = images.shape
        by = jax.random.randint(key, (2, *batch, 1), -pixels, pixels + 1)
        rows = jnp.clip(jnp.arange(height) + by[0], 0, height - 1)
        columns = jnp.clip(jnp.arange(width) + by[1], 0, width - 1)
        moved = jnp.take_along_axis(images, rows[..., None, None], axis=-3)
        return jnp.take_along_axis(moved, columns[..., None, :, None], axis=-2)

    return apply


AUGMENTATIONS = Choices({"flip": flip, "shift": shift}, what="augmentation")
