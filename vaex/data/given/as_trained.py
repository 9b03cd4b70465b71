"""Images or rows that a user gives a trained model, as those of the data set that it was trained on."""

import functools
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from vaex.data.classes import as_classes
from vaex.data.conditions import modelled
from vaex.data.dtypes import array_of, is_float, is_number
from vaex.data.examples import Stored
from vaex.data.form import formed
from vaex.data.given.kept import GivenImages, Kept
from vaex.data.pixels import CHANNELS, as_levels
from vaex.data.tabular.named import Table, as_modelled, is_by_name, label_numbers, numbers_of
from vaex.data.tabular.values import holds_text
from vaex.errors import UsageError

Images = Any  # what a user gives: an array, a structured one, {name: values}, a list of rows, or GivenImages
Labels = ArrayLike | None  # [N]
Mask = ArrayLike | None  # of the shape of all images or of one, True where a pixel is observed
_SLIM = 4  # an axis of so many at the end is the channels'


@functools.singledispatch
def as_given(
    images: Images,
    kept: Kept,
    *,
    labels: Labels = None,
    mask: Mask = None,
    may_miss: bool = False,
    what: str = "",
) -> GivenImages:
    """Images of any number type as those of a run's data set, by the same rules; or rows.

    Args:
        images: [N, H, W, C], or [N, H, W] where there is one channel; brought to the run's form where it has one. Of
            rows what as_modelled takes. Of what this function or read_given has made, labels take the place of its own,
            and a mask hides more.
        kept: what the run keeps of its data set.
        labels: [N], or None.
        mask: True where a pixel is observed, of the shape of all images or of one; None: all are.
        may_miss: whether nan is a pixel, or a value, that is missing.
        what: how they are called in an error; "" for images, or rows.

    Raises:
        UsageError: another shape, or numbers that are no images, no classes or no mask.
    """
    what = what or kept.examples
    if kept.columns:
        return _given_rows(images, kept, labels, mask, may_miss, what)
    array = array_of(images, what)
    if is_single(array, kept) or _is_one_in_colour(array, kept.x_shape):
        raise UsageError(f"{what} have shape {array.shape}, that of one image: images[None] makes a batch of it")
    observed = None
    if may_miss and is_float(array) and (missing := np.isnan(array)).any():
        array, observed = np.where(missing, array.dtype.type(0), array), ~missing
    are_frames = kept.by.condition is not None and kept.by.condition.of_frames
    channels = (*CHANNELS, kept.x_shape[2]) if are_frames else CHANNELS
    levels, _ = as_levels({"given": array}, what, channels=channels, integers_are_levels=kept.has_levels)
    found = levels["given"] if are_frames else formed(levels["given"], kept.form)
    check_given_shape(found.shape, kept.x_shape, what)
    return _with_labels(found, labels, _both(observed, mask, found.shape, what), what)


def as_asked(images: Images, kept: Kept, labels: Labels, what: str = "") -> GivenImages:
    """The same for a question that a gap does no harm: of any row, and where training had gaps."""
    return as_given(images, kept, labels=labels, may_miss=kept.is_masked or bool(kept.columns), what=what)


@as_given.register(GivenImages)
def _(
    images: GivenImages, kept: Kept, *, labels: Labels = None, mask: Mask = None, what: str = "", **options: object
) -> GivenImages:
    what = what or kept.examples
    both = _both(images.mask, mask, images.images.shape, what)
    if labels is None:
        return images._replace(mask=both)
    return _with_labels(images.images, numbered(labels, kept, f"{what}: labels"), both, what)._replace(
        files=images.files
    )


@functools.singledispatch
def is_single(images: Images, kept: Kept) -> bool:
    """Whether they are one image, or row, without the axis of a batch."""
    return not is_by_name(images) and np.shape(images) in (kept.x_shape, kept.x_shape[:2])


is_single.register(GivenImages, lambda images, kept: False)


def stored_of(given: GivenImages, kept: Kept, *, is_masked: bool) -> Stored:
    """Images as a run stores its own: with labels where they are the condition, with masks where parts may be missing.

    Raises:
        UsageError: no label of some image where it is the condition, or one that is no class of the run's; a pixel that
            is missing where the condition shows it.
    """
    labels = np.zeros(len(given.images), np.int32) if given.labels is None else given.labels
    if kept.needs_labels:
        if given.labels is None or labels.min() < 0:
            raise UsageError(
                f"this model is of {kept.examples} under their labels, and some have none: give labels with them"
            )
        if labels.max() >= kept.by.num_classes:
            raise UsageError(f"a label is {labels.max()}: expected 0 to {kept.by.num_classes - 1}")
    if not is_masked:
        return Stored(given.images, labels)
    mask = np.ones(given.images.shape, bool) if given.mask is None else given.mask
    if (condition := kept.by.condition) is not None and condition.of_part is not None:
        shown = condition.given(mask, np.uint8(255) * mask, labels, kept.by.num_classes)
        if not np.all(lacks := np.asarray(shown) == 1):
            first = int(np.argmin(lacks.reshape(len(lacks), -1).all(axis=1)))
            raise UsageError(
                f"this model is given a part of each image, and of image {first} a pixel is missing there: expected "
                "all of that part; leave out pixels of the rest alone"
            )
    return Stored(given.images, labels, modelled(mask, condition))


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


def _given_rows(table: Table, kept: Kept, labels: Labels, mask: Mask, may_miss: bool, what: str) -> GivenImages:
    if is_single(table, kept):
        raise UsageError(f"{what} have shape {np.shape(table)}, that of one row: rows[None] makes a batch of it")
    rows = as_modelled(table, kept.columns, what)
    gone = np.isnan(rows)
    if gone.any() and not may_miss:
        row, column = np.argwhere(gone)[0]
        raise UsageError(
            f"{what}: column {kept.columns[column].name!r} has no value in row {row}, and this run was trained on rows "
            "without gaps: fill them first, by `make impute`, or see what is there by `make score`"
        )
    if labels is None and kept.label is not None and is_by_name(table):
        labels = label_numbers(kept.label, table, what)
    observed = _both(~gone if gone.any() else None, mask, rows.shape, what)
    return _with_labels(rows, numbered(labels, kept, f"{what}: labels"), observed, what)


def numbered(labels: Labels, kept: Kept, what: str) -> Labels:
    """Labels as they are, or the places of the classes that they name, where the label is a table's column."""
    said = array_of(labels, what)
    if labels is None or kept.label is None or not holds_text(said):
        return labels
    return numbers_of(kept.label, np.atleast_1d(said), what).reshape(said.shape)


def _with_labels(images: np.ndarray, labels: Labels, mask: np.ndarray | None, what: str) -> GivenImages:
    said = f"{what}: labels"
    classes = None if labels is None else as_classes(array_of(labels, said), len(images), said)
    return GivenImages(images, classes, mask)


def _both(observed: np.ndarray | None, mask: Mask, shape: tuple[int, ...], what: str) -> np.ndarray | None:
    masks = [_as_mask(one, shape, f"{what}: the mask") for one in (observed, mask) if one is not None]
    return np.all(masks, axis=0) if masks else None


def _is_one_in_colour(array: np.ndarray, x_shape: tuple[int, ...]) -> bool:
    return array.ndim == 3 and array.shape[-1] <= _SLIM < x_shape[1]


def _as_mask(mask: Mask, shape: tuple[int, ...], what: str) -> np.ndarray:
    array = array_of(mask, what)
    if not is_number(array) or not ((array == 0) | (array == 1)).all():
        raise UsageError(f"{what} is of type {array.dtype}: expected truth values, True where a pixel is observed")
    if len(shape) > 2 and array.shape in (shape[:-1], shape[1:-1]):
        array = array[..., None]
    elif array.shape not in (shape, shape[1:]):
        alike = f"expected {shape}, or {shape[1:]} for all alike"
        raise UsageError(
            f"{what} has shape {array.shape}: {alike}, as the run's images are; resize images with masks first"
        )
    return np.broadcast_to(array != 0, shape)
