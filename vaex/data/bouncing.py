"""Sequences of frames: digits that move at a constant speed and bounce off the walls."""

import numpy as np
from jaxtyping import Float, UInt8

from vaex.data.form import Form, formed

NUM_FRAMES, SIZE = 20, 32  # of a sequence, and the pixels of a frame along each side
NUM_DIGITS, DIGIT = 2, 14  # of a sequence, and the pixels of one along each side
SPEED = (2.0, 4.0)  # pixels in the time of a frame, at least and at most
NUM_SEQUENCES = {"train": 1000, "validation": 100, "test": 200}  # at most: each has two images of its own


def bouncing(images: UInt8[np.ndarray, "n h w c"], *, split: str) -> UInt8[np.ndarray, "m size size frames"]:
    """Sequences of 20 frames of 32 x 32 pixels, as the channels of an image, in each of which two digits move.

    They are drawn by a fixed seed. No image is in two of them. Where digits overlap, the lighter pixel is seen.

    Args:
        images: of one split, which are brought to 14 x 14 grey pixels.
        split: its name, which says how many sequences there are at most.

    Source: Srivastava, Mansimov and Salakhutdinov 2015, section 3.1, in frames of a quarter of the size.
    """
    rng = np.random.default_rng(list(NUM_SEQUENCES).index(split))
    m = min(NUM_SEQUENCES[split], len(images) // NUM_DIGITS)
    chosen = rng.permutation(len(images))[: m * NUM_DIGITS]
    digits = formed(images[chosen], Form(DIGIT, 1)).reshape(m, NUM_DIGITS, DIGIT, DIGIT) if m else images[:0]
    angle, speed = rng.uniform(0, 2 * np.pi, (m, NUM_DIGITS)), rng.uniform(*SPEED, (m, NUM_DIGITS))
    velocity = speed[..., None] * np.stack([np.sin(angle), np.cos(angle)], axis=-1)
    room = SIZE - DIGIT
    corners = np.round(positions(rng.uniform(0, room, velocity.shape), velocity, room)).astype(int)
    frames = np.zeros((m, SIZE, SIZE, NUM_FRAMES), np.uint8)
    for i, j, t in np.ndindex(corners.shape[:3]):
        row, column = corners[i, j, t]
        place = frames[i, row : row + DIGIT, column : column + DIGIT, t]
        np.maximum(place, digits[i, j], out=place)
    return frames


def positions(
    start: Float[np.ndarray, "*batch 2"], velocity: Float[np.ndarray, "*batch 2"], room: float
) -> Float[np.ndarray, "*batch frames 2"]:
    """Where what starts in [0, room]^2 is in each frame, reflected at 0 and at `room`."""
    straight = start[..., None, :] + velocity[..., None, :] * np.arange(NUM_FRAMES)[:, None]
    return room - np.abs(straight % (2 * room) - room)
