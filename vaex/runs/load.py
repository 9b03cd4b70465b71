"""A run's model with its trained parameters."""

from pathlib import Path
from typing import Any

import jax

from vaex.config import Config, read_config
from vaex.config.likelihoods import Source
from vaex.config.models import build_model
from vaex.config.setup import build_optimizer
from vaex.model import Params
from vaex.runs.folder import CONFIG, DATASET, open_run, read_json
from vaex.train import init_state


def load(run_folder: str | Path) -> tuple[Any, Params, Config]:
    """A finished or unfinished run's model, the parameters of its best checkpoint, and its config.

    >>> vae, params, config = vaex.load("runs/latest")
    >>> model = vae.bind(params)

    Raises:
        UsageError: not a run folder, or a damaged checkpoint.
    """
    from vaex.runs import checkpoints

    path = open_run(run_folder)
    config = read_config(path / CONFIG)
    described = read_json(path / DATASET)
    model = build_model(config, Source(tuple(described["x_shape"]), None))
    optimizer = build_optimizer(config, 1)
    abstract = jax.eval_shape(lambda: init_state(model.init(jax.random.key(0)), optimizer))
    state, _ = checkpoints.restore(path, abstract, best=True)
    return model, state.params, config
