"""Optimizers on one experiment, each with several learning rates and batch sizes: nats against seconds of training."""

import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import jax
import numpy as np

from vaex.config import OPTIMIZERS, RATES, Config, section
from vaex.config.dataset import load_data
from vaex.config.keys import TEST_KEY
from vaex.config.setup import Setup, setup
from vaex.data import Dataset
from vaex.evaluate import Options, validator
from vaex.model import Params
from vaex.runs.epochs import compiled_epoch
from vaex.runs.experiments import load_experiment
from vaex.train import TrainState
from vaex.train.averages import AVERAGES

from ._kept import Numbers, found_part, kept

_OPTIONS = {"muon": {"ns_steps": 3}}  # beside the learning rate; of all others optax's own
_FALL = 1e-3  # of the learning rate, along half a cosine
_SCORES = 24  # along a curve


class Setting(NamedTuple):
    """What is raced."""

    optimizer: str
    learning_rate: float
    batch_size: int


class Length(NamedTuple):
    """How long each setting trains: so many epochs, or as many as take so many seconds."""

    seconds: float
    num_epochs: int | None = None

    def __str__(self) -> str:
        return f"{self.seconds:g}s" if self.num_epochs is None else f"{self.num_epochs}epochs"


class Curve(NamedTuple):
    """Scores while training."""

    setting: Setting
    num_epochs: int
    seconds: np.ndarray  # in the epochs until each score, without compilation
    nats: np.ndarray  # L_K of validation images; -inf from where the loss was no longer finite

    def seconds_to(self, bound: float) -> float:
        """When a bound is reached, on the line between two scores; inf if never."""
        (above,) = np.nonzero(self.nats >= bound)
        if not len(above):
            return math.inf
        last = slice(max(above[0] - 1, 0), above[0] + 1)
        return float(np.interp(bound, self.nats[last], self.seconds[last]))


def curve(experiment: str, setting: Setting, length: Length, *, folder: str) -> Curve:
    """The curve of a setting, trained now or read from a folder.

    Args:
        experiment: the name of the one whose model, data and objective are trained.
        setting: by what.
        length: for how long.
        folder: where curves are kept.
    """
    name, rate, size = setting
    data = load_experiment(experiment).data
    part = found_part(data.name, data.dir)
    path = Path(folder) / f"{Path(experiment).stem}{part}_{name}_{rate:g}_{size}_{length}.json"
    found = kept(
        path, lambda: _trained(experiment, setting, length), tell=lambda found: f"{found['nats'][-1]:.2f} nats"
    )
    return Curve(setting, found["num_epochs"], np.array(found["seconds"]), np.array(found["nats"]))


def config_of(experiment: str, setting: Setting, num_epochs: int) -> Config:
    """The experiment with another optimizer, whose rate falls along a cosine unless it is free of schedules."""
    config, (name, rate, size) = load_experiment(experiment), setting
    config.optimizer = section(OPTIMIZERS, name, learning_rate=rate, **_OPTIONS.get(name, {}))
    config.train.learning_rate = None if name in AVERAGES else section(RATES, "cosine", final=_FALL * rate)
    config.train.batch_size, config.train.num_epochs = size, num_epochs
    return config


def _trained(experiment: str, setting: Setting, length: Length) -> Numbers:
    dataset = load_data(config_of(experiment, setting, 1))
    num_epochs = length.num_epochs or max(1, round(length.seconds / _pace(experiment, setting, dataset)))
    made = setup(config_of(experiment, setting, num_epochs), dataset=dataset)
    state, score, seconds, rows = made.init(), _score(made), 0.0, []
    run_epoch, every = compiled_epoch(made, state), max(1, num_epochs // _SCORES)
    for epoch in range(1, num_epochs + 1):
        state, first_bad, passed = _timed(run_epoch, state)
        seconds += passed
        is_finite = int(first_bad) < 0
        if not is_finite or epoch % every == 0 or epoch == num_epochs:
            nats = score(state.params) if is_finite else math.nan
            rows.append((seconds, nats if math.isfinite(nats) else -math.inf))
        if not is_finite:
            break
    columns = dict(zip(("seconds", "nats"), map(list, zip(*rows, strict=True)), strict=True))
    return {"num_epochs": num_epochs, **columns}


def _score(made: Setup) -> Callable[[Params], float]:
    """The bound L_K of validation images, with the same draws at each call."""
    task, (observe_key, draw_key) = made.task, jax.random.split(jax.random.fold_in(made.task.key, TEST_KEY))
    options = Options(num_samples=task.experiment.evaluate.validation_samples)
    x = task.examples.observe(observe_key, task.dataset.validation)
    measure = validator(draw_key, task.description.bind, x, metrics=("log_likelihood",), options=options)
    return lambda params: float(measure(params)["log_likelihood"])


def _pace(experiment: str, setting: Setting, dataset: Dataset) -> float:
    """Seconds that an epoch takes, the second one, which nothing is compiled in."""
    made = setup(config_of(experiment, setting, 2), dataset=dataset)
    state = made.init()
    run_epoch = compiled_epoch(made, state)
    state, _, _ = _timed(run_epoch, state)
    return _timed(run_epoch, state)[-1]


def _timed(run_epoch: Callable, state: TrainState) -> tuple[TrainState, jax.Array, float]:
    """The state after an epoch, its first step whose loss was not finite, and the seconds that it took."""
    start = time.perf_counter()
    state, _, first_bad = jax.block_until_ready(run_epoch(state))
    return state, first_bad, time.perf_counter() - start
