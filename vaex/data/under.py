"""What samples are drawn under: nothing, a label, or an image."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import PRNGKeyArray

from vaex.data.conditions import CONDITIONS, Condition
from vaex.data.given import Kept
from vaex.data.pixels import as_levels
from vaex.errors import UsageError


def to_sample(condition: Any, kept: Kept, num_samples: int, *, key: PRNGKeyArray, what: str = "condition") -> Any:
    """What to draw samples under: None of an unconditional model, else a condition for each.

    Args:
        condition: a label, or one for each draw, or None for every label in turn; or the image that is the condition.
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
    if by.condition.of_part is None:
        labels = np.arange(num_samples) % by.num_classes if condition is None else np.asarray(condition)
        is_class = labels.dtype.kind in "iu" and labels.min() >= 0 and labels.max() < by.num_classes
        if not is_class or labels.shape not in ((), (num_samples,)):
            more = "" if labels.shape == () else f", one or one for each of {num_samples} draws"
            raise UsageError(f"{what} is {condition}: expected 0 to {by.num_classes - 1}{more}")
        return np.asarray(jax.nn.one_hot(np.broadcast_to(labels, num_samples), by.num_classes))
    shape, name = by.condition.shape(kept.x_shape, by.num_classes), _name(by.condition)
    if condition is None:
        raise UsageError(
            f"this model's condition is an image ({name}), of which none is at hand: `make evaluate RUN=...` draws "
            f"completions of test images, and in Python vaex.load(RUN).sample(16, condition=image) of any one, {shape}"
        )
    image = np.asarray(condition)
    image = image[..., None] if image.shape == shape[:2] and shape[2] == 1 else image
    if image.shape != shape:
        raise UsageError(f"{what} has shape {image.shape}: expected {shape}, an image ({name})")
    levels = as_levels({"given": image[None]}, what)[0]["given"][0]
    given = np.asarray(by.condition.of_part(by.apply(key, jnp.asarray(levels)), levels))
    return np.broadcast_to(given, (num_samples, *given.shape))


def _name(condition: Condition) -> str:
    return next(name for name, one in CONDITIONS.items() if one is condition)
