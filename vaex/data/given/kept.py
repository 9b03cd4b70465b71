"""What a run keeps of its data set, and what a user gives it, of the same shape."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from vaex.data.conditions import CONDITIONS, modelled
from vaex.data.examples import Making, Stored
from vaex.data.form import Form
from vaex.data.tabular.named import in_own_units
from vaex.model import Conditional, Model
from vaex.models.columns import Column, Columns, missing_row
from vaex.models.missing import observed_part


class Kept(NamedTuple):
    """What a run keeps of its data set: what an image or a row is to the model, without any."""

    x_shape: tuple[int, ...]  # height, width, channels; of rows their columns
    form: Form  # what images are brought to
    by: Making  # how they become examples
    dir: str | None = None  # where data sets are looked for
    columns: Columns = ()  # of a table; () of images
    said: str = ""  # of the columns of a table, by the config
    label: Column | None = None  # the column of a table that labels are from
    has_levels: bool = False  # whether its images were integers that were taken for levels of 255

    @property
    def examples(self) -> str:
        """What they are called in an error."""
        return "rows" if self.columns else "images"

    @property
    def is_masked(self) -> bool:
        """Whether the model was trained with parts of its examples missing."""
        return self.by.fraction is not None or self.by.has_gaps

    @property
    def element(self) -> str:
        """What an example has many of, in words."""
        return "value" if self.columns else "pixel"

    @property
    def needs_labels(self) -> bool:
        """Whether a label is what each image is modelled under."""
        return self.by.condition is CONDITIONS["label"]


class GivenImages(NamedTuple):
    """Images of the shape that a model has, or rows of its columns, and what came with them."""

    images: np.ndarray  # uint8 [N, H, W, C]; rows as they are modelled, float32 [N, D], nan where one is missing
    labels: np.ndarray | None = None  # int32 [N]; -1 for none
    mask: np.ndarray | None = None  # bool, of their shape, True where a pixel is observed; None where all are
    files: tuple[str, ...] = ()  # their names in a folder
    cells: Callable[[], np.ndarray] | None = None  # reads a file's rows as they stand there, structured [N], whole


def part(given: GivenImages, which: slice | np.ndarray) -> GivenImages:
    """Some of the images, without the names of their files and what else stands there."""
    labels, mask = (None if array is None else array[which] for array in (given.labels, given.mask))
    return GivenImages(given.images[which], labels, mask)


def shown(images: np.ndarray, kept: Kept) -> np.ndarray:
    """What is modelled of them as p(x|z) has it: pixels in [0, 1], rows as they are."""
    return images if kept.columns else modelled(images, kept.by.condition) / np.float32(255)


def is_masked(given: GivenImages, kept: Kept) -> bool:
    """Whether they go with masks: where training had them so, and where something of them is missing."""
    return kept.is_masked or given.mask is not None


def seeing(model: Model | Conditional, stored: Stored, kept: Kept) -> Any:
    """A model, or that of what is observed, where something is missing of examples that training had whole."""
    if stored.mask is None or kept.is_masked:
        return model
    return observed_part(model, fill=missing_row(kept.columns) if kept.columns else 0.0)


def in_units(values: np.ndarray, kept: Kept) -> np.ndarray:
    """What a model answers in the units of its data: pixels as they are, rows with their classes' own numbers."""
    return in_own_units(kept.columns, values) if kept.columns else values
