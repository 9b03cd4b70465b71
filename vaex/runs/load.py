"""A run's model with its trained parameters."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import jax

from vaex.config import old, read_config
from vaex.config.stored import check_fields, check_type
from vaex.config.task import describe_run, kept_data
from vaex.data.given.kept import Kept
from vaex.errors import OptionError, UsageError
from vaex.files import Fields, Json
from vaex.models.columns import TYPES, Column, Columns
from vaex.runs.folder import CONFIG, DATASET, open_run, read_dataset, read_json
from vaex.runs.steady import steadily
from vaex.runs.trained import Trained

_COLUMN = {"name": str, "type": str, "center": float, "scale": float, "classes": list, "most": float, "has_gaps": bool}


def load(run_folder: str | Path) -> Trained:
    """A finished or unfinished run's model with the parameters of its best checkpoint, to be used.

    >>> model = vaex.load("runs/latest")
    >>> means, variances = model.encode(images)
    >>> description, params, config = model

    Parameters are jax arrays as training had them; in a process of the other precision they are brought to its own.

    Raises:
        UsageError: not a run folder, a file of it that cannot be read or is of another run, or a damaged checkpoint.
    """
    from vaex.runs import checkpoints

    path = open_run(run_folder)
    config, kept = read_config(path / CONFIG), kept_of(path)
    with naming(path / CONFIG):
        description = describe_run(config, kept.x_shape, kept.by.num_classes, columns=kept.columns)
    abstract = jax.eval_shape(description.init, jax.random.key(0))
    params, _ = steadily(path, lambda: checkpoints.restore_params(path, abstract))
    return Trained(description, params, config, kept)


def kept_of(path: Path) -> Kept:
    """What a run keeps of its data set.

    Raises:
        UsageError: a file of the run that cannot be read.
    """
    with naming(path / CONFIG):
        dataset = read_dataset(path)
        shape, columns = tuple(dataset["x_shape"]), read_columns(dataset, path / DATASET)
        label = _column(dataset["label_column"], path / DATASET) if "label_column" in dataset else None
        config, num, meaning = read_config(path / CONFIG), num_classes(path), dataset.get("meaning", "")
        return kept_data(config, shape, num, columns=columns, label=label, meaning=meaning)


def read_columns(dataset: Fields, file: Path) -> Columns:
    """The columns of the table that a run was trained on, as its dataset.json has them; () of images.

    Raises:
        UsageError: one lacks a field, or has another type there, or a field that no column has.
    """
    columns = check_type(dataset.get("columns", []), list, f"{file}: columns")
    return tuple(_column(fields, file) for fields in columns)


def _column(fields: Json, file: Path) -> Column:
    where = f"{file}: a column"
    check_fields(fields, {field: _COLUMN[field] for field in ("name", "type", "classes")}, where)
    if unknown := sorted(set(fields) - set(_COLUMN)):
        raise UsageError(f"{where} has a field {unknown[0]!r}: expected {', '.join(_COLUMN)}")
    if fields["type"] not in TYPES:
        raise UsageError(f"{where}: type is {fields['type']!r}: expected one of {', '.join(TYPES)}")
    check_fields(fields, {field: _COLUMN[field] for field in fields}, where)
    classes = [check_type(name, str, f"{where}: a class") for name in fields["classes"]]
    return Column(**{**fields, "classes": tuple(classes)})


def num_classes(path: Path) -> int:
    """How many classes the labels of a run's data have; a run from before says it in its config, or not at all."""
    config = read_json(path / CONFIG)
    if old.is_old(config):
        return old.num_classes(config)
    return check_fields(read_dataset(path), {"num_classes": int}, str(path / DATASET))["num_classes"]


@contextlib.contextmanager
def naming(file: Path) -> Iterator[None]:
    """What is said of an option names the file that has it."""
    try:
        yield
    except OptionError as error:
        raise UsageError(f"{error}, in {file}") from None
