"""The loss of a config: its objective, with what schedules move, tried on the shapes of a batch."""

import functools
import inspect
from collections.abc import Callable, Container
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from vaex import objectives
from vaex.config.root import Experiment
from vaex.config.section import Config
from vaex.errors import OptionError, UsageError
from vaex.model import Example, Params
from vaex.models import KINDS, Description
from vaex.objectives import BOUNDS, OBJECTIVES, OF_BATCHES


class Loss(NamedTuple):
    """What training minimises, and the bound that it is of."""

    batch_loss: objectives.BatchLoss
    bound: Callable[..., objectives.Terms] | None  # (key, model, x) -> Terms, where the objective is a tighter bound


def build_loss(
    config: Config,
    experiment: Experiment,
    description: Description,
    batch: Example,
    *,
    num_train: int,
    num_labels: int | None = None,
) -> Loss:
    """The loss of a config.

    Args:
        config: a config.
        experiment: what it says.
        description: the model.
        batch: the shapes of at least two examples.
        num_train: N, for objectives that need the data set's size.
        num_labels: how many of them have a label to learn from, for those that need it.

    Raises:
        UsageError: an objective that does not train this model, or a schedule of what it has not.
    """
    name = config.objective.name
    function = OBJECTIVES[name]
    if function in OF_BATCHES and experiment.train.batch_size < 2:
        expected = f"at least 2 with objective.name {name!r}, which compares the examples of a batch"
        raise OptionError("batch_size", experiment.train.batch_size, expected, path="train")
    known = {
        "num_train": num_train,
        "num_labels": num_labels,
        "average": lambda context: context.average,
    }
    has = inspect.signature(function).parameters
    context = {option: value for option, value in known.items() if option in has}
    scheduled = _schedule(config, experiment)
    make: Any = functools.partial(objectives.batch_loss, experiment.objective, whole_batch=function in OF_BATCHES)
    starts = {option: start for option, value in scheduled.items() if (start := _start(value)) is not None}
    _trace(make(**context), description, batch)  # what an objective refuses is said before a run folder is made
    if starts:
        try:
            _trace(make(**context | starts), description, batch)
        except OptionError as error:
            raise OptionError("start", error.found, error.expected, error.cure, path="schedule") from None
    moving = {option: lambda context, value=value: value(context.step) for option, value in scheduled.items()}
    bound = experiment.objective if function in BOUNDS else None
    return Loss(make(**context | moving), bound)


def _start(value: Callable) -> float | None:
    """Where a schedule starts; None where that is traced."""
    try:
        return float(value(jnp.zeros((), jnp.int32)))
    except jax.errors.ConcretizationTypeError:
        return None


def penalty(
    sigma: float | None, num_train: int, description: Description, batch: Example
) -> Callable[[Params], jax.Array | float]:
    """What a prior on the weights adds to the loss, in nats per example; what no gradient moves is no weight.

    Args:
        sigma: the prior's; None for none.
        num_train: over how many examples it is spread.
        description: of the model.
        batch: of examples, of which the shapes are looked at.
    """
    if sigma is None:
        return lambda params: 0.0
    moved: Container[str] = ()
    if (statistics := description.statistics) is not None:
        key = jax.random.key(0)
        moved = jax.eval_shape(statistics, key, jax.eval_shape(description.init, key), batch)
    prior = functools.partial(objectives.weight_penalty, sigma=sigma, num_train=num_train)
    return lambda params: prior({name: entry for name, entry in params.items() if name not in moved})


def trained(description: Description) -> Description:
    """The same, bound as a step of training binds it: with one draw of weights that have a distribution."""
    if (weights := description.weights) is None:
        return description
    return description._replace(bind=lambda params: weights.bind(weights.draw(jax.random.key(0), params)))


def check_kind(model: str, objective: str) -> None:
    """The objective trains the kind of model: one that the kind names, or if it names none, one that no kind does.

    Raises:
        UsageError: it does not.
    """
    own = KINDS[model].objectives
    claimed = {name: kind for kind, found in KINDS.items() for name in found.objectives}
    if own and objective not in own:
        raise UsageError(
            f"objective.name is {objective!r} with model.name {model!r}: set --config.objective.name={own[0]}"
        )
    if not own and objective in claimed:
        raise UsageError(
            f"objective.name is {objective!r} with model.name {model!r}: set --config.model.name={claimed[objective]}, "
            "or another objective"
        )


def _trace(loss: objectives.BatchLoss, description: Description, batch: Example) -> None:
    def once(params: Params, batch: Example) -> jax.Array:
        context = objectives.Context(jnp.zeros((), jnp.int32), jnp.zeros(()))
        return loss(jax.random.key(0), description.bind(params), batch, context)[0]

    jax.eval_shape(once, jax.eval_shape(description.init, jax.random.key(0)), batch)


def _schedule(config: Config, experiment: Experiment) -> dict[str, Callable]:
    """The scheduled option as a function of the step; {} where nothing is scheduled."""
    if experiment.schedule is None:
        return {}
    option = config.schedule.option
    fields = OBJECTIVES.fields(config.objective.name)
    numbers = [field.name for field in fields.values() if field.is_number]
    if option not in numbers:
        having = ", ".join(numbers) or "none"
        raise OptionError("option", option, f"an option of the objective that may move: {having}", path="schedule")
    return {option: experiment.schedule(end=config.objective[option])}
