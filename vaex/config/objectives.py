"""Objectives, schedules and penalties by their names in a config."""

import functools
import inspect
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from vaex import objectives
from vaex.config.checks import lookup
from vaex.config.fields import Config
from vaex.errors import UsageError
from vaex.model import Params
from vaex.train import schedules

AUTOENCODER = "reconstruction"
OBJECTIVES: dict[str, objectives.Objective] = {
    AUTOENCODER: objectives.reconstruction,
    "elbo": objectives.elbo,
    "stl": objectives.stl,
    "iwae": objectives.iwae,
    "dreg": objectives.dreg,
    "miwae": objectives.miwae,
    "piwae": objectives.piwae,
    "ciwae": objectives.ciwae,
    "renyi": objectives.renyi,
    "vr_max": objectives.vr_max,
    "reinforce": objectives.reinforce,
    "vimco": objectives.vimco,
    "gumbel": objectives.gumbel,
    "enumerate": objectives.enumerate,
    "free_bits": objectives.free_bits,
    "capacity": objectives.capacity,
    "vq": objectives.vq,
}
BATCH_OBJECTIVES: dict[str, objectives.Objective] = {
    "total_correlation": objectives.total_correlation,
    "info": objectives.info,
}
PAIR_OBJECTIVES: dict[str, objectives.Objective] = {
    "semi_supervised": objectives.semi_supervised,
    "stacked_semi_supervised": objectives.stacked_semi_supervised,
}
SCHEDULES = {
    "linear": schedules.linear,
    "cyclical": schedules.cyclical,
    "exponential": schedules.exponential,
}


def batch_loss(config: Config, model: Any, batch: Any, *, num_train: int) -> objectives.BatchLoss:
    """The loss of a config, tried on the shapes of a batch.

    Args:
        config: a config.
        model: what has init and bind.
        batch: the shapes of at least two examples.
        num_train: N, for objectives and penalties that need the data set's size.
    """
    name = config.objective.name
    objective = lookup(OBJECTIVES | BATCH_OBJECTIVES | PAIR_OBJECTIVES, name, "objective.name")
    options: dict[str, Any] = {k: v for k, v in config.objective.items() if k != "name" and v is not None}
    known = [p.name for p in inspect.signature(objective).parameters.values() if p.kind is p.KEYWORD_ONLY]
    for option in options:
        if option not in known:
            takes = ", ".join(k for k in known if k not in ("num_train", "num_labels")) or "no options"
            raise UsageError(f"objective.{option} is set, but objective {name!r} takes {takes}: unset it")
    if options.get("baseline") == "moving_average":
        options["baseline"] = lambda context: context.average
    if "num_train" in known:
        options["num_train"] = num_train
    if "num_labels" in known:
        options["num_labels"] = config.data.num_labels
    scheduled = _schedule(config, options)
    ends: list[dict[str, Any]] = [{}, *({name: config.schedule.start or 0.0} for name in scheduled)]
    make: Any = functools.partial(objectives.batch_loss, objective, whole_batch=name in BATCH_OBJECTIVES)
    for end in ends:  # what an objective refuses is said before a run folder is made
        _trace(make(**options | end), model, batch)
    return make(**options | scheduled)


def _trace(loss: objectives.BatchLoss, model: Any, batch: Any) -> None:
    def once(params: Params, batch: Any) -> jax.Array:
        context = objectives.Context(jnp.zeros((), jnp.int32), jnp.zeros(()))
        return loss(jax.random.key(0), model.bind(params), batch, context)[0]

    jax.eval_shape(once, jax.eval_shape(model.init, jax.random.key(0)), batch)


def _schedule(config: Config, options: dict[str, Any]) -> dict[str, Callable]:
    """The scheduled option as a function of the training's context; {} where nothing is scheduled."""
    c = config.schedule
    if c.option is None:
        if unused := [name for name, value in c.items() if value is not None]:
            raise UsageError(
                f"schedule.{unused[0]} is set without schedule.option: name the option to schedule, or unset it"
            )
        return {}
    if c.steps is None:
        raise UsageError("schedule.option is set without schedule.steps: set --config.schedule.steps=5000, say")
    numbers = [name for name, value in options.items() if isinstance(value, float) and config.objective.name != "renyi"]
    if c.option not in numbers:
        raise UsageError(
            f"schedule.option is {c.option!r}: expected an option of the objective that is set to the number where the "
            f"schedule ends; set are {', '.join(numbers) or 'none'}"
        )
    kind = lookup(SCHEDULES, c.kind or "linear", "schedule.kind")
    value = kind(c.start or 0.0, options[c.option], c.steps)
    return {c.option: lambda context: value(context.step)}


def penalty(config: Config, num_train: int) -> Callable[[Params], jax.Array | float]:
    """What a prior on the weights adds to the loss, in nats per example."""
    sigma = config.train.weight_sigma
    if sigma is None:
        return lambda params: 0.0
    return functools.partial(objectives.weight_penalty, sigma=sigma, num_train=num_train)
