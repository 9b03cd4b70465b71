"""What a config says of data and model: all that evaluation needs, and training besides."""

import math
from collections.abc import Callable
from typing import NamedTuple

import jax
import numpy as np

from vaex.config.dataset import count_classes, load_data
from vaex.config.preprocess import defined_on, preprocess
from vaex.config.reported import reported
from vaex.config.root import ROOT, Experiment
from vaex.config.section import Config, call
from vaex.data import Dataset
from vaex.data.conditions import Condition, condition_of, modelled
from vaex.data.examples import EXAMPLES, Examples, Making, Seen, chosen, seen
from vaex.data.form import Form
from vaex.data.given.kept import Kept
from vaex.data.pixels import are_levels
from vaex.data.preprocess import Preprocess, dequantize
from vaex.errors import UsageError
from vaex.model import Example, num_examples
from vaex.models import KINDS, Description, Source
from vaex.models.columns import Column, Columns, have_gaps, num_features
from vaex.models.missing import of_masked
from vaex.models.rows import of_rows
from vaex.models.weights import WEIGHTS

_DATA = 1998  # folded into a run's key: for which pixels are missing, and which images keep their labels


class Task(NamedTuple):
    """A model and its data."""

    experiment: Experiment  # all that the config says
    description: Description
    dataset: Dataset
    examples: Examples
    key: jax.Array  # the run's key for training
    init_key: jax.Array
    num_stored: int  # of the training examples
    num_steps: int  # in an epoch
    num_dims: int  # D, pixels times channels that are modelled of one example
    num_classes: int  # 0 where images have no labels
    labelled: jax.Array | None  # the indices of training images that keep their labels
    label: str  # what results are printed under
    dequantized: bool
    is_likelihood: bool
    reports: tuple[str, ...]  # names in evaluate.REPORTS
    figures: tuple[str, ...]  # names in figures.FIGURES

    @property
    def stored(self) -> Example:
        """The training examples."""
        return self.examples.stored(self.dataset.train)


def build_task(config: Config, *, dataset: Dataset | None = None, key: jax.Array | None = None) -> Task:
    """Check a config, load its data and describe its model.

    Args:
        config: a config.
        dataset: what load_data has made of it before.
        key: what all that is random comes from, which may be traced; by default that of the config's seed.

    Raises:
        UsageError: a field with a value that cannot be; the message names the field, and how to mend it.
    """
    experiment: Experiment = call(ROOT, config)
    kind, c = KINDS[config.model.name], experiment.data
    dataset = dataset or load_data(config)
    key = jax.random.key(experiment.seed) if key is None else key
    pixels = preprocess(config, dataset.columns)
    by = _making(experiment, pixels, count_classes(dataset), dataset.columns)
    by = by._replace(key=jax.random.fold_in(key, _DATA))
    x_shape, train = dataset.train.images.shape[1:], dataset.train
    images = lambda: seen(by, dataset)
    description = build_description(experiment, x_shape, by.num_classes, images, columns=dataset.columns)
    labelled = chosen(by, train.labels) if kind.examples == "pairs" or c.num_labels is not None else None
    examples = EXAMPLES[kind.examples](by._replace(prepare=description.prepare))
    stored = jax.eval_shape(lambda images: examples.stored(train._replace(images=images)), train.images)
    num_stored = num_examples(stored)
    if experiment.train.batch_size > num_stored:
        raise UsageError(
            f"train.batch_size is {experiment.train.batch_size}: expected at most {num_stored}, "
            f"the training examples of {dataset.label}: lower --config.train.batch_size"
        )
    init_key, train_key = jax.random.split(key)
    is_likelihood = pixels.defined_on == defined_on(config)
    reports, drawn = reported(kind.examples, by, description, dataset, num_clusters=experiment.evaluate.num_clusters)
    return Task(
        experiment=experiment,
        description=description,
        dataset=dataset,
        examples=examples,
        key=train_key,
        init_key=init_key,
        num_stored=num_stored,
        num_steps=num_stored // experiment.train.batch_size,
        num_dims=math.prod(_modelled_shape(x_shape, by.condition)),
        num_classes=by.num_classes,
        labelled=labelled,
        label=dataset.label if is_likelihood else f"{dataset.label} (grey pixels: not a likelihood)",
        dequantized=pixels.apply is dequantize,
        is_likelihood=is_likelihood,
        reports=reports,
        figures=description.figures if dataset.columns else drawn,  # rows are no pictures
    )


def build_description(
    experiment: Experiment,
    x_shape: tuple[int, ...],
    num_classes: int,
    images: Callable[[], Seen],
    *,
    columns: Columns = (),
) -> Description:
    """The model of a config, for images of a shape or rows of a table.

    Args:
        experiment: what the config says.
        x_shape: of a whole image.
        num_classes: of its label; 0 without one.
        images: makes what is modelled of each training image, or nothing where parameters are restored.
        columns: of a table; () of images.
    """
    c, t = experiment.data, experiment.train
    condition = condition_of(c.condition)
    source = Source(
        x_shape=(num_features(columns),) if columns else _modelled_shape(x_shape, condition),
        condition_shape=None if condition is None else condition.shape(x_shape, num_classes),
        num_classes=num_classes,
        is_masked=c.missing is not None or have_gaps(columns),
        columns=columns,
        **images()._asdict(),
    )
    description = experiment.model(source)
    description = of_rows(description, source) if columns else description
    options = {"sigma": t.weight_sigma, "num_draws": experiment.evaluate.weight_draws}
    description = WEIGHTS[t.weights](description, source, **options)
    return of_masked(description, source) if source.is_masked else description


def _making(experiment: Experiment, pixels: Preprocess, num_classes: int, columns: Columns) -> Making:
    c = experiment.data
    return Making(
        apply=pixels.apply,
        condition=condition_of(c.condition),
        fraction=c.missing,
        has_gaps=have_gaps(columns),
        num_labels=c.num_labels,
        num_classes=num_classes,
        augment=None if c.augment is None else c.augment(),
    )


def describe_run(config: Config, x_shape: tuple[int, ...], num_classes: int, *, columns: Columns = ()) -> Description:
    """The model of a config without its data, for parameters that are restored.

    Args:
        config: a config.
        x_shape: of a whole image.
        num_classes: of its label; 0 without one.
        columns: of a table; () of images.
    """
    return build_description(call(ROOT, config), x_shape, num_classes, Seen, columns=columns)


def kept_data(
    config: Config,
    x_shape: tuple[int, ...],
    num_classes: int,
    *,
    columns: Columns = (),
    label: Column | None = None,
    meaning: str = "",
) -> Kept:
    """What a run keeps of its data set, without the data; the other arguments are those of describe_run.

    Args:
        label: the column of a table that labels are from.
        meaning: what the numbers of its images were taken for, in the words of its data set.
    """
    c = config.data
    by = _making(call(ROOT, config), preprocess(config, columns), num_classes, columns)
    return Kept(
        x_shape, Form(c.image_size, c.channels), by, c.dir or None, columns, c.columns, label, are_levels(meaning)
    )


def _modelled_shape(x_shape: tuple[int, ...], condition: Condition | None) -> tuple[int, ...]:
    return modelled(np.empty((1, *x_shape), np.uint8), condition).shape[1:]
