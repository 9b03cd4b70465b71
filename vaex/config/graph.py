"""The directed graph of a config's model, without its data."""

import functools

import jax
from ml_collections import FrozenConfigDict

from vaex.config.section import Config
from vaex.config.task import describe_run
from vaex.model import Params
from vaex.models.columns import Columns
from vaex.models.structure import Structure, plain


def graph_of_run(
    config: Config, x_shape: tuple[int, ...], num_classes: int, *, columns: Columns = ()
) -> tuple[Structure, Params]:
    """What is drawn of a model, and the shapes of its parameters; the arguments are those of describe_run.

    Raises:
        UsageError: a config of which no model can be made.
    """
    return _graph(FrozenConfigDict(config), x_shape, num_classes, columns)


@functools.lru_cache(maxsize=32)  # a page is written again and again while a run trains
def _graph(
    config: FrozenConfigDict, x_shape: tuple[int, ...], num_classes: int, columns: Columns
) -> tuple[Structure, Params]:
    description = describe_run(config, x_shape, num_classes, columns=columns)
    params = jax.eval_shape(lambda: description.init(jax.random.key(0)))
    if description.structure is not None:
        return description.structure, params
    return plain(params, description.recognition, (len(columns),) if columns else x_shape), params
