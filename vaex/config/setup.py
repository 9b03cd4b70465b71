"""The only folder that reads a config: config -> model, objective, optimizer and data."""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import optax

from vaex import data
from vaex.config.checks import check_autoencoder, check_fields, check_numbers, lookup
from vaex.config.conditions import check_condition, condition
from vaex.config.examples import examples, preprocess
from vaex.config.fields import Config
from vaex.config.likelihoods import LIKELIHOODS, Source
from vaex.config.missing import mean_imputed
from vaex.config.models import build_model
from vaex.config.objectives import AUTOENCODER, batch_loss, penalty
from vaex.config.reports import reporters
from vaex.config.semi_supervised import check_labels, choose
from vaex.config.starts import fit_prior
from vaex.data.preprocess import dequantize
from vaex.distributions.masked import Masked
from vaex.errors import UsageError
from vaex.evaluate.summary import Reporter
from vaex.model import Given, Params, no_statistics
from vaex.train import Recipe, TrainState, init_state

OPTIMIZERS = {"adam": optax.adam, "adagrad": optax.adagrad, "sgd": optax.sgd}


class Options(NamedTuple):
    """The numbers of a config that the loop and the evaluation go by."""

    seed: int
    batch_size: int
    num_epochs: int
    eval_every: int
    patience: int
    num_samples: int
    chunk_size: int
    evaluate_batch_size: int


class Setup(NamedTuple):
    """What a config means, with its data at hand."""

    options: Options
    recipe: Recipe
    dataset: data.Dataset
    stored: Any  # training examples
    observe: Callable[[jax.Array, data.Split], Any]  # (key, held-out split) -> examples
    bind: Callable[[Params], Any]  # params -> Model, for evaluation
    init: Callable[[], TrainState]
    before_epoch: Callable[[TrainState], TrainState]  # what starts anew in the midst of training
    key: jax.Array  # the run's key for training
    num_steps: int  # in an epoch
    num_dims: int  # D, pixels times channels that are modelled of one example
    label: str  # what results are printed under
    dequantized: bool
    is_likelihood: bool
    has_bound: bool  # on log p(x): an autoencoder has none
    reporters: tuple[Reporter, ...]  # what this kind of model adds to the results


def setup(config: Config) -> Setup:
    """Check a config, load its data, and build all that training and evaluation need.

    Raises:
        UsageError: a field with a value that cannot be; the message names the field, and how to mend it.
    """
    pixels = preprocess(config)
    check_fields(config)
    check_numbers(config)
    check_autoencoder(config)
    condition(config)
    check_labels(config)
    dataset = data.load(config.data.name, dir=config.data.dir or None, num_validation=config.data.num_validation)
    check_condition(config, dataset)
    images = dataset.train.images
    if config.data.num_labels is not None:
        choose(config, dataset.train.labels)  # what cannot be chosen is said before anything is trained
    made = examples(config)
    stored = made.stored(dataset.train)
    num_stored = len(jax.tree.leaves(stored)[0])
    if config.train.batch_size > num_stored:
        raise UsageError(
            f"train.batch_size is {config.train.batch_size}: expected at most {num_stored}, "
            f"the training examples of {dataset.label}"
        )
    num_steps = num_stored // config.train.batch_size
    optimizer = build_optimizer(config, config.train.num_epochs * num_steps)
    seen = mean_imputed(stored) if isinstance(stored, Masked) else images
    model = build_model(config, Source(images.shape[1:], seen))
    batch = jax.eval_shape(made.preprocess, jax.random.key(0), jax.tree.map(lambda a: a[:2], stored))
    loss = batch_loss(config, model, batch, num_train=len(images))
    statistics = getattr(model, "statistics", no_statistics)
    recipe = Recipe(
        model.bind,
        loss,
        optimizer,
        made.preprocess,
        penalty(config, len(images)),
        statistics,
        config.optimizer.max_skipped or 0,
    )
    init_key, train_key = jax.random.split(jax.random.key(config.seed))
    is_likelihood = pixels.defined_on == LIKELIHOODS[config.model.likelihood].pixels
    return Setup(
        options=Options(
            seed=config.seed,
            **{name: config.train[name] for name in ("batch_size", "num_epochs", "eval_every", "patience")},
            **{name: config.evaluate[name] for name in ("num_samples", "chunk_size")},
            evaluate_batch_size=config.evaluate.batch_size,
        ),
        recipe=recipe,
        dataset=dataset,
        stored=stored,
        observe=made.observe,
        bind=model.bind,
        before_epoch=fit_prior(config, model.bind, made.preprocess, stored, num_steps),
        init=jax.jit(lambda: init_state(model.init(init_key), recipe.optimizer)),
        key=train_key,
        num_steps=num_steps,
        num_dims=math.prod((batch.x if isinstance(batch, Given) else images).shape[1:]),
        label=dataset.label if is_likelihood else f"{dataset.label} (grey pixels: not a likelihood)",
        dequantized=pixels.apply is dequantize,
        is_likelihood=is_likelihood,
        has_bound=config.objective.name != AUTOENCODER,
        reporters=reporters(config),
    )


def build_optimizer(config: Config, num_steps: int) -> optax.GradientTransformation:
    c = config.optimizer
    rate = c.learning_rate
    if c.final_learning_rate is not None:
        rate = optax.cosine_decay_schedule(rate, num_steps, alpha=c.final_learning_rate / rate)
    options = {} if c.eps is None else {"eps": c.eps}
    if options and c.name == "sgd":
        raise UsageError("optimizer.eps is set, but optimizer 'sgd' has none: unset it")
    optimizer = lookup(OPTIMIZERS, c.name, "optimizer.name")(rate, **options)
    if c.clip_norm is not None:
        optimizer = optax.chain(optax.clip_by_global_norm(c.clip_norm), optimizer)
    return optimizer if c.max_skipped is None else optax.apply_if_finite(optimizer, c.max_skipped)
