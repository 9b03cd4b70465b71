"""White shapes on black, each image a function of five known factors: what latents are compared with."""

import itertools

import numpy as np
from jaxtyping import Float, Int, UInt8

from vaex.data.sources.place import Arrays

# How many values each has: a square, an ellipse or a heart; its radius; tenths of a turn; the place of its centre.
FACTORS = {"shape": 3, "scale": 4, "rotation": 10, "x": 16, "y": 16}
SIZE = 64  # pixels along each side
_RADII = (8.0, 10.6, 13.2, 15.8)  # of a circle around the shape, in pixels
_STEP = 2  # pixels from a place to the next
_BOX = SIZE - _STEP * (FACTORS["x"] - 1)  # pixels along the side of what a shape is drawn in


def shapes() -> Arrays:
    """Every combination of the factors once, 30,720 images, the shape for a label."""
    factors = np.array(list(itertools.product(*map(range, FACTORS.values()))), np.int32)
    return {
        "train_images": draw(factors),
        "train_labels": factors[:, 0],
        "train_factors": factors,
        "factor_names": np.array([*FACTORS]),
    }


def draw(factors: Int[np.ndarray, "n 5"]) -> UInt8[np.ndarray, "n size size"]:
    """The images of factors, of zeros and ones: a pixel is 1 where its centre lies in the shape.

    A shape at another place is the same pixels, moved. A square or an ellipse after half a turn is what it was, so
    that of those rotation has five values that differ.

    Args:
        factors: each from 0 to below what FACTORS has.

    Source: dSprites of Matthey, Higgins, Hassabis and Lerchner 2017, with fewer scales, rotations and places.
    """
    sizes = [range(n) for n in list(FACTORS.values())[:3]]
    sprites = {one: _drawn(*one) for one in itertools.product(*sizes)}
    images = np.zeros((len(factors), SIZE, SIZE), np.uint8)
    for image, (shape, scale, rotation, x, y) in zip(images, factors.tolist(), strict=True):
        rows, columns = (slice(_STEP * at, _STEP * at + _BOX) for at in (y, x))
        image[rows, columns] = sprites[shape, scale, rotation]
    return images


def outside(shape: int, scale: int, rotation: int) -> Float[np.ndarray, "box box"]:
    """A function of the pixels' centres that is positive outside of a shape, negative in it, and zero at its edge."""
    y, x = np.mgrid[:_BOX, :_BOX] + 0.5 - _BOX / 2
    angle = 2 * np.pi * rotation / FACTORS["rotation"]
    u = (np.cos(angle) * x + np.sin(angle) * y) / _RADII[scale]
    v = (np.cos(angle) * y - np.sin(angle) * x) / _RADII[scale]
    square = np.maximum(np.abs(u), np.abs(v)) - 0.7
    ellipse = u**2 + (v / 0.5) ** 2 - 1
    a, b = 1.3 * u, 0.15 - 1.3 * v  # the heart's point is below
    heart = (a**2 + b**2 - 1) ** 3 - a**2 * b**3
    return (square, ellipse, heart)[shape]


def _drawn(shape: int, scale: int, rotation: int) -> UInt8[np.ndarray, "box box"]:
    return (outside(shape, scale, rotation) < 0).astype(np.uint8)
