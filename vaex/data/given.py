"""Images that a user gives a trained model, as those of the data set that it was trained on."""

import functools
from typing import Any, NamedTuple

import numpy as np

from vaex.data.classes import as_classes
from vaex.data.conditions import CONDITIONS
from vaex.data.examples import Making, Stored
from vaex.data.form import Form, formed
from vaex.data.pixels import as_levels
from vaex.errors import UsageError
from vaex.models.columns import Columns

_SLIM = 4  # an axis of so many at the end is the channels'


class Kept(NamedTuple):
    """What a run keeps of its data set: what an image is to the model, without the images."""

    x_shape: tuple[int, ...]  # height, width, channels
    form: Form  # what images are brought to
    by: Making  # how they become examples
    dir: str | None = None  # where data sets are looked for
    columns: Columns = ()  # of a table; () of images

    @property
    def needs_labels(self) -> bool:
        """Whether a label is what each image is modelled under."""
        return self.by.condition is CONDITIONS["label"]


class GivenImages(NamedTuple):
    """Images of the shape that a model has, and what came with them."""

    images: np.ndarray  # uint8 [N, H, W, C]
    labels: np.ndarray | None = None  # int32 [N]; -1 for none
    mask: np.ndarray | None = None  # bool [N, H, W, C], True where a pixel is observed; None where all are
    files: tuple[str, ...] = ()  # their names in a folder


@functools.singledispatch
def as_given(
    images: Any,
    kept: Kept,
    *,
    labels: Any = None,
    mask: Any = None,
    may_miss: bool = False,
    what: str = "images",
) -> GivenImages:
    """Images of any number type as those of a run's data set, by the same rules.

    Args:
        images: [N, H, W, C], or [N, H, W] where there is one channel; brought to the run's form where it has one. What
            this function or read_given has made passes as it is.
        kept: what the run keeps of its data set.
        labels: [N], or None.
        mask: True where a pixel is observed, of the shape of all images or of one; None: all are.
        may_miss: whether nan is a pixel that is missing.
        what: how the images are called in an error.

    Raises:
        UsageError: another shape, or numbers that are no images, no classes or no mask.
    """
    array = np.asarray(images)
    if is_single(array, kept) or _is_one_in_colour(array, kept.x_shape):
        raise UsageError(f"{what} have shape {array.shape}, that of one image: images[None] makes a batch of it")
    observed = None
    if may_miss and array.dtype.kind == "f" and (missing := np.isnan(array)).any():
        array, observed = np.where(missing, array.dtype.type(0), array), ~missing
    levels, _ = as_levels({"given": array}, what)
    found = formed(levels["given"], kept.form)
    check_given_shape(found.shape, kept.x_shape, what)
    for one in (observed, mask):
        if one is not None:
            seen = _as_mask(one, found.shape, f"{what}: the mask")
            observed = seen if observed is None or one is observed else seen & observed
    classes = None if labels is None else as_classes(np.asarray(labels), found, f"{what}: labels")
    return GivenImages(found, classes, observed)


@as_given.register(GivenImages)
def _(images: GivenImages, kept: Kept, **options: Any) -> GivenImages:
    return images


@functools.singledispatch
def is_single(images: Any, kept: Kept) -> bool:
    """Whether they are one image, without the axis of a batch."""
    return np.shape(images) in (kept.x_shape, kept.x_shape[:2])


is_single.register(GivenImages, lambda images, kept: False)


def stored_of(given: GivenImages, kept: Kept, *, is_masked: bool) -> Stored:
    """Images as a run stores its own: with labels where they are the condition, with masks where parts may be missing.

    Raises:
        UsageError: no label of some image where it is the condition, or one that is no class of the run's.
    """
    labels = np.zeros(len(given.images), np.int32) if given.labels is None else given.labels
    if kept.needs_labels:
        if given.labels is None or labels.min() < 0:
            raise UsageError("this model is of images under their labels, and some have none: give labels with them")
        if labels.max() >= kept.by.num_classes:
            raise UsageError(f"a label is {labels.max()}: expected 0 to {kept.by.num_classes - 1}")
    if not is_masked:
        return Stored(given.images, labels)
    mask = np.ones(given.images.shape, bool) if given.mask is None else given.mask
    return Stored(given.images, labels, modelled(mask, kept))


def modelled(images: np.ndarray, kept: Kept) -> np.ndarray:
    """What is modelled of images or masks, [N, H, W, C]: all, or what is left beside the condition."""
    return images if kept.by.condition is None else kept.by.condition.observed(images)


def check_given_shape(shape: tuple[int, ...], x_shape: tuple[int, ...], what: str) -> None:
    """Images [N, H, W, C] of this shape are such as a model was trained on.

    Raises:
        UsageError: they are not.
    """
    if shape[1:] == x_shape:
        return
    if shape[1:3] != x_shape[:2]:
        cure = f"resize them to {x_shape[0]} x {x_shape[1]} pixels"
    else:
        cure = "make them grey" if x_shape[2] == 1 else f"give them {x_shape[2]} channels"
    expected = f"[N, {', '.join(map(str, x_shape))}], as the model was trained on"
    raise UsageError(f"{what} have shape {shape}: expected {expected}; {cure}, or take a run of such images")


def _is_one_in_colour(array: np.ndarray, x_shape: tuple[int, ...]) -> bool:
    return array.ndim == 3 and array.shape[-1] <= _SLIM < x_shape[1]


def _as_mask(mask: Any, shape: tuple[int, ...], what: str) -> np.ndarray:
    array = np.asarray(mask)
    if array.dtype.kind not in "biuf" or not ((array == 0) | (array == 1)).all():
        raise UsageError(f"{what} is of type {array.dtype}: expected truth values, True where a pixel is observed")
    if array.shape in (shape[:-1], shape[1:-1]):
        array = array[..., None]
    elif array.shape not in (shape, shape[1:]):
        raise UsageError(f"{what} has shape {array.shape}: expected {shape}, or {shape[1:]} for all alike")
    return np.broadcast_to(array != 0, shape)
