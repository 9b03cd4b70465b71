"""The data set of a config."""

import numpy as np

from vaex import data
from vaex.config.root import ROOT
from vaex.config.section import Config, call
from vaex.data import Dataset
from vaex.data.conditions import CONDITIONS, condition_of
from vaex.data.form import Form
from vaex.errors import OptionError, UsageError

_TOGETHER = "several runs in one program share"


def load_data(config: Config, *, together: bool = False) -> Dataset:
    """The data set of a config, in examples.

    Args:
        config: a config.
        together: whether several runs are to share it in one program, which holds it on the device.

    Raises:
        UsageError: there is none, or it is not of a kind that the config asks for.
    """
    c = call(ROOT, config).data
    form, condition = Form(c.image_size, c.channels), condition_of(c.condition)
    if c.missing is not None and condition is not None and condition.of_all:
        expected = f"none with data.condition={c.condition}, whose small images are made of what is missing, too"
        raise OptionError("missing", c.missing, expected, path="data")
    whole = {
        "data.missing draws masks of": c.missing is not None,
        f"data.condition {c.condition!r} cuts": condition is not None and condition.of_frames,
    }
    why = next((why for why, holds in whole.items() if holds), None)
    if c.streaming == "on" and (why or together):
        raise UsageError(f"data.streaming is 'on', and {why or _TOGETHER} all images at once: set it off")
    dataset = data.load(
        c.name,
        dir=c.dir or None,
        num_validation=c.num_validation,
        num_train=c.num_train,
        form=form,
        columns=c.columns,
        streaming="off" if why else c.streaming,
        resident_bytes=c.resident_bytes,
    )
    if together and dataset.records is not None:
        found = f"data.streaming is 'auto', and {c.name} takes more than data.resident_bytes, {c.resident_bytes:,}"
        raise UsageError(f"{found}: {_TOGETHER} all images at once: set --config.data.streaming=off")
    if condition is CONDITIONS["label"] and (without := np.sum((labels := _labels(dataset)) < 0)):
        raise UsageError(
            f"data.condition is 'label', but {without:,} of {len(labels):,} examples have none: label them or leave "
            "them out, or use another condition"
        )
    return dataset if condition is None else condition.cut(dataset, c.num_previous)


def count_classes(dataset: Dataset) -> int:
    """How many classes the labels have, from 0 to the largest; 0 where no example has one."""
    return int(_labels(dataset).max()) + 1


def _labels(dataset: Dataset) -> np.ndarray:
    return np.concatenate([split.labels for split in dataset.splits.values()])
