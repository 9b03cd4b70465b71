"""What samples are drawn under: nothing, a label, or an image."""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import PRNGKeyArray
from numpy.typing import ArrayLike

from vaex.data.conditions import CONDITIONS, Condition
from vaex.data.dtypes import array_of, is_whole
from vaex.data.given.as_trained import numbered
from vaex.data.given.kept import Kept
from vaex.data.pixels import CHANNELS, as_levels
from vaex.errors import UsageError


def to_sample(
    condition: ArrayLike | None, kept: Kept, num_samples: int, *, key: PRNGKeyArray, what: str = "condition"
) -> np.ndarray | None:
    """What to draw samples under: None of an unconditional model, else a condition for each.

    Args:
        condition: a label, or one for each draw, of a table by its text too, or None for every label in turn; or the
            image that is the condition, or the frames before, of more the last.
        kept: what the run keeps of its data set.
        num_samples: how many.
        key: of what preprocessing draws of an image.
        what: how the condition is called in an error.

    Raises:
        UsageError: a label where the condition is none, or that is no class; no image, or one of another shape.
    """
    by = kept.by
    if by.condition is None:
        if condition is not None:
            raise UsageError(f"{what} is {condition}, but this model has no labels for a condition: leave it out")
        return None
    if kept.needs_labels:
        in_turn = np.arange(num_samples) % by.num_classes
        labels = in_turn if condition is None else np.asarray(numbered(condition, kept, what))
        is_class = is_whole(labels) and labels.min() >= 0 and labels.max() < by.num_classes
        if not is_class or labels.shape not in ((), (num_samples,)):
            more = "" if labels.shape == () else f", one or one for each of {num_samples} draws"
            raise UsageError(f"{what} is {condition}: expected 0 to {by.num_classes - 1}{more}")
        return np.asarray(jax.nn.one_hot(np.broadcast_to(labels, num_samples), by.num_classes))
    assert by.condition.of_part is not None, "a condition that is no label is a part of an image"
    levels = _image_levels(condition, kept, by.condition, what)
    given = np.asarray(by.condition.of_part(by.apply(key, jnp.asarray(levels)), levels))
    return np.broadcast_to(given, (num_samples, *given.shape))


def _image_levels(image: ArrayLike | None, kept: Kept, condition: Condition, what: str) -> np.ndarray:
    shape, name = condition.shape(kept.x_shape, kept.by.num_classes), _name(condition)
    part = f"{shape[2]} frames" if condition.of_frames else "an image"
    if image is None:
        raise UsageError(
            f"this model's condition is {part} ({name}), of which none is at hand: `make evaluate RUN=...` draws "
            f"completions of test images, and in Python vaex.load(RUN).sample(16, condition=...) of any one, {shape}"
        )
    array = array_of(image, "the condition")
    array = array[..., None] if array.shape == shape[:2] and shape[2] == 1 else array
    array = array[..., -shape[2] :] if condition.of_frames and array.ndim == 3 else array
    if array.shape != shape:
        raise UsageError(f"{what} has shape {np.shape(image)}: expected {shape}, {part} ({name})")
    channels = (*CHANNELS, shape[2])
    levels, _ = as_levels({"given": array[None]}, what, channels=channels, integers_are_levels=kept.has_levels)
    return levels["given"][0]


def _name(condition: Condition) -> str:
    return next(name for name, one in CONDITIONS.items() if one is condition)
