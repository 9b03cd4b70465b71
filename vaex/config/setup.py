"""What a config says of training: a task with all that a train step needs."""

from collections.abc import Callable
from typing import NamedTuple

import jax

from vaex.config.hidden import check_hidden
from vaex.config.loss import build_loss, check_kind, penalty, trained
from vaex.config.optimizer import build_average, build_optimizer
from vaex.config.section import Config
from vaex.config.task import Task, build_task
from vaex.data import Dataset
from vaex.data.examples import first_stored
from vaex.networks import PRECISIONS
from vaex.objectives import Terms
from vaex.train import Recipe, TrainState, init_state
from vaex.train.loggers import loggers
from vaex.train.loop import Plan
from vaex.train.refit import num_fitted, refit_prior


class Setup(NamedTuple):
    """What training needs."""

    task: Task
    recipe: Recipe
    init: Callable[[], TrainState]
    before_epoch: Callable[[TrainState, int], TrainState]  # (state, epochs done): what starts anew in the midst
    plan: Plan  # with the metric that chooses the best checkpoint
    bound: Callable[..., Terms] | None  # what training maximises, where it is a tighter bound than the ELBO


def setup(config: Config, *, dataset: Dataset | None = None, key: jax.Array | None = None) -> Setup:
    """Check a config, load its data, and build all that training needs.

    Args:
        config: a config.
        dataset: what load_data has made of it before.
        key: what all that is random comes from, which may be traced; by default that of the config's seed.

    Raises:
        UsageError: a field with a value that cannot be; the message names the field, and how to mend it.
    """
    check_kind(config.model.name, config.objective.name)  # before data are loaded
    task = build_task(config, dataset=dataset, key=key)
    check_hidden(task)
    loggers(task.experiment.train.loggers)  # before anything is trained
    experiment, description, preprocess = task.experiment, task.description, task.examples.preprocess
    num_train, c = len(task.dataset.train.images), experiment.train
    optimizer = build_optimizer(config, experiment, (c.schedule_epochs or c.num_epochs) * task.num_steps)
    average = build_average(config, experiment, description)
    batch = jax.eval_shape(lambda key: preprocess(key, first_stored(task.examples, task.dataset, 2)), jax.random.key(0))
    computed = PRECISIONS[c.precision]
    weights = description.weights
    num_labels = None if task.labelled is None else len(task.labelled)
    loss = build_loss(config, experiment, trained(description), batch, num_train=num_train, num_labels=num_labels)
    num_examples = num_fitted(task.num_stored, task.dataset.train.images.nbytes // num_train)
    return Setup(
        task=task,
        recipe=Recipe(
            bind=computed(description.bind if weights is None else weights.bind),
            batch_loss=computed(loss.batch_loss),
            optimizer=optimizer,
            preprocess=preprocess,
            penalty=penalty(c.weight_sigma, num_train, description, batch)
            if weights is None
            else lambda p: weights.kl(p) / num_train,
            draw=None if weights is None else weights.draw,
            statistics=description.statistics,
            max_skipped=c.max_skipped or 0,
            averaging=average,
        ),
        init=jax.jit(lambda: init_state(description.init(task.init_key), optimizer, averaging=average)),
        before_epoch=refit_prior(
            description,
            preprocess,
            lambda: first_stored(task.examples, task.dataset, num_examples),
            num_examples,
            num_epochs=c.num_epochs,
            seed=experiment.seed,
        ),
        plan=Plan(
            num_epochs=c.num_epochs,
            num_steps=task.num_steps,
            eval_every=c.eval_every,
            patience=c.patience,
            select=c.select or ("bound" if loss.bound is not None else description.select),
        ),
        bound=loss.bound,
    )
