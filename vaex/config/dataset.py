"""The data set of a config."""

import numpy as np

from vaex import data
from vaex.config.root import ROOT
from vaex.config.section import Config, call
from vaex.data import Dataset
from vaex.data.conditions import CONDITIONS
from vaex.data.form import Form


def load_data(config: Config) -> Dataset:
    """The data set of a config, in examples.

    Raises:
        UsageError: there is none, or it is not of a kind that the config asks for.
    """
    c = call(ROOT, config).data
    form = Form(c.image_size, c.channels)
    dataset = data.load(c.name, dir=c.dir or None, num_validation=c.num_validation, form=form, columns=c.columns)
    dataset = data.with_num_train(dataset, c.num_train)
    return dataset if c.condition is None else CONDITIONS[c.condition].cut(dataset, c.num_previous)


def count_classes(dataset: Dataset) -> int:
    """How many classes the labels have, from 0 to the largest; 0 where an image has none."""
    labels = np.concatenate([split.labels for split in (dataset.train, dataset.validation, dataset.test)])
    return 0 if labels.min() < 0 else int(labels.max()) + 1
