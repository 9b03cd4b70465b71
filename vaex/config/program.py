"""A run as pure functions of its key, and of numbers that stand for fields of its config."""

import copy
from collections.abc import Callable, Mapping
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Int, PRNGKeyArray

from vaex.config.dataset import load_data
from vaex.config.loss import check_kind
from vaex.config.measure import measure
from vaex.config.section import Config, get
from vaex.config.setup import Setup, setup
from vaex.data import Dataset
from vaex.errors import OptionError, UsageError
from vaex.evaluate.metrics import Measured
from vaex.model import Params
from vaex.train import Metrics, TrainState, train_epoch

Numbers = Mapping[str, float | Array]  # by the paths of fields, "optimizer.learning_rate"


class Program(NamedTuple):
    """What a run does, as functions that runs which differ in their keys and in such numbers share."""

    made: Setup  # of the config itself
    init: Callable[[PRNGKeyArray, Numbers], TrainState]
    epoch: Callable[[TrainState, PRNGKeyArray, Numbers, Array], tuple[TrainState, Metrics, Array]]  # the last: images
    measure: Callable[[Params, PRNGKeyArray, Numbers], Measured]  # what is None of them left out


class Result(NamedTuple):
    """What make_train's function returns."""

    params: Params
    metrics: Metrics  # of each epoch, [num_epochs]: the means of its steps, in nats per example
    validation: Measured  # of the parameters, as at the last validation of a run
    first_bad: Int[Array, ""]  # the first step whose loss was not finite, -1 if none


def make_train(config: Config) -> Callable[[PRNGKeyArray], Result]:
    """Training by a config as one pure function of a key: `jax.jit(jax.vmap(train))(keys)` trains once for each key.

    With jax.random.key(seed) it is the run that `make train` makes with that seed, to its last epoch: train.patience
    ends nothing here.

    >>> train = vaex.make_train(config)
    >>> params, metrics, validation, first_bad = jax.jit(jax.vmap(train))(jax.random.split(jax.random.key(0), 8))

    Args:
        config: a config, whose seed is not read.

    Returns:
        key -> Result, in nats per example.

    Raises:
        UsageError: a field with a value that cannot be, or a prior that is fitted between two epochs.

    Source: Lu et al. 2022, PureJaxRL.
    """
    run = program(config)
    task = run.made.task
    if task.description.refit is not None:
        raise UsageError(
            "model.prior.fit_after is set, and scikit-learn fits the prior then, which is no part of a pure function: "
            "unset it, or use `make sweep`"
        )
    images = jnp.asarray(task.dataset.train.images)

    def train(key: PRNGKeyArray) -> Result:
        def turn(state: TrainState, _: None) -> tuple[TrainState, tuple[Metrics, Array]]:
            state, metrics, first_bad = run.epoch(state, key, {}, images)
            return state, (metrics, first_bad)

        start = run.init(key, {})
        state, (metrics, bad) = jax.lax.scan(turn, start, length=task.experiment.train.num_epochs)
        first_bad = jnp.where((bad >= 0).any(), bad[jnp.argmax(bad >= 0)], -1)
        return Result(state.params, metrics, run.measure(state.params, key, {}), first_bad)

    return train


def program(config: Config, *, dataset: Dataset | None = None) -> Program:
    """The functions of a config's runs.

    Args:
        config: a config.
        dataset: what load_data has made of it before.

    Raises:
        UsageError: a field with a value that cannot be.
    """
    if (devices := config.train.devices) != 1:
        raise OptionError("devices", devices, "1 of runs that share a program, each of which is on one", path="train")
    if dataset is None:
        check_kind(config.model.name, config.objective.name)  # before data are loaded
        dataset = load_data(config, together=True)
    made = setup(config, dataset=dataset)
    dataset = made.task.dataset

    def of(key: PRNGKeyArray, numbers: Numbers) -> Setup:
        return setup(_with(config, numbers), dataset=dataset, key=key)

    def epoch(
        state: TrainState, key: PRNGKeyArray, numbers: Numbers, images: Array
    ) -> tuple[TrainState, Metrics, Array]:
        now = of(key, numbers)
        stored = jax.tree.map(jnp.asarray, now.task.examples.stored(dataset.train._replace(images=images)))
        batch_size = now.task.experiment.train.batch_size
        return train_epoch(state, now.task.key, stored, recipe=now.recipe, batch_size=batch_size)

    def measured(params: Params, key: PRNGKeyArray, numbers: Numbers) -> Measured:
        return {name: value for name, value in measure(of(key, numbers))(params).items() if value is not None}

    return Program(made, lambda key, numbers: of(key, numbers).init(), epoch, measured)


def _with(config: Config, numbers: Numbers) -> Config:
    """A config with values in place of others that need not be of the fields' types."""
    config = copy.deepcopy(config)
    with config.unlocked():
        for path, value in numbers.items():
            parent, _, last = path.rpartition(".")
            section = get(config, parent) if parent else config
            del section[last]  # with its type
            section[last] = value
    return config
