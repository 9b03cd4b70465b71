"""A run's model with its trained parameters."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jax

from vaex.config import Config, old, read_config
from vaex.config.task import describe_run
from vaex.errors import OptionError, UsageError
from vaex.model import Params
from vaex.models import Description
from vaex.models.columns import Column, Columns
from vaex.runs.folder import CONFIG, open_run, read_dataset, read_json


def load(run_folder: str | Path) -> tuple[Description, Params, Config]:
    """A finished or unfinished run's model, the parameters of its best checkpoint, and its config.

    >>> vae, params, config = vaex.load("runs/latest")
    >>> model = vae.bind(params)

    Parameters are jax arrays as training had them; in a process of the other precision they are brought to its own.

    Raises:
        UsageError: not a run folder, a file of it that cannot be read or is of another run, or a damaged checkpoint.
    """
    from vaex.runs import checkpoints

    path = open_run(run_folder)
    config, dataset = read_config(path / CONFIG), read_dataset(path)
    with naming(path / CONFIG):
        shape, columns = tuple(dataset["x_shape"]), read_columns(dataset)
        description = describe_run(config, shape, num_classes(path), columns=columns)
    params, _ = checkpoints.restore_params(path, jax.eval_shape(description.init, jax.random.key(0)))
    return description, params, config


def read_columns(dataset: dict[str, Any]) -> Columns:
    """The columns of the table that a run was trained on, as its dataset.json has them; () of images."""
    return tuple(Column(**{**fields, "classes": tuple(fields["classes"])}) for fields in dataset.get("columns", ()))


def num_classes(path: Path) -> int:
    """How many classes the labels of a run's data have; a run from before says it in its config, or not at all."""
    config = read_json(path / CONFIG)
    return old.num_classes(config) if old.is_old(config) else read_dataset(path)["num_classes"]


@contextlib.contextmanager
def naming(file: Path) -> Iterator[None]:
    """What is said of an option names the file that has it."""
    try:
        yield
    except OptionError as error:
        raise UsageError(f"{error}, in {file}") from None
