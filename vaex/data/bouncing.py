"""Sequences of frames: digits that move at a constant speed and bounce off the walls."""

import numpy as np
from jaxtyping import Float, UInt8

from vaex.data.dataset import Dataset, Split
from vaex.data.form import Form, formed
from vaex.errors import UsageError

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


def sequences(dataset: Dataset) -> Dataset:
    """A data set of such sequences, of the images of each split, without labels, since several images are in one.

    Raises:
        UsageError: examples that are no images.
    """
    if (shape := dataset.train.images.shape[1:])[2:] not in ((1,), (3,), (4,)):
        raise UsageError(f"data.name is 'bouncing:{dataset.name}', of examples of shape {shape}: expected images")
    frames = {name: bouncing(split.images, split=name) for name, split in dataset.splits.items()}
    splits = {name: Split(made, np.full(len(made), -1, np.int32)) for name, made in frames.items()}
    return dataset._replace(
        name=f"bouncing:{dataset.name}",
        label=f"bouncing:{dataset.label}",
        factors=(),
        meaning=f"sequences of {NUM_FRAMES} frames of {SIZE} x {SIZE} pixels",
        **splits,
    )


def positions(
    start: Float[np.ndarray, "*batch 2"], velocity: Float[np.ndarray, "*batch 2"], room: float
) -> Float[np.ndarray, "*batch frames 2"]:
    """Where what starts in [0, room]^2 is in each frame, reflected at 0 and at `room`."""
    straight = start[..., None, :] + velocity[..., None, :] * np.arange(NUM_FRAMES)[:, None]
    return room - np.abs(straight % (2 * room) - room)
