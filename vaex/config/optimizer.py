"""The optimizer of a config: optax's, with the loop's schedule, clipping and skipping around it."""

import optax

from vaex.config.root import Experiment
from vaex.config.section import Config
from vaex.errors import OptionError, UsageError
from vaex.models.description import Description
from vaex.train import check_options, tried
from vaex.train.averages import AVERAGES, Average, average_of


def build_optimizer(config: Config, experiment: Experiment, num_steps: int) -> optax.GradientTransformation:
    """The optimizer of a config.

    Args:
        config: a config.
        experiment: what it says.
        num_steps: that a schedule of the learning rate is over.
    """
    peak, c = config.optimizer.learning_rate, experiment.train
    try:
        check_options(config.optimizer.to_dict())
    except OptionError as error:
        raise error.within("optimizer") from None
    if c.learning_rate is not None and config.optimizer.get("warmup_steps") is not None:
        expected = "none with train.learning_rate, whose warmup_cosine warms up too"
        raise OptionError("warmup_steps", config.optimizer.warmup_steps, expected).within("optimizer")
    rate = peak if c.learning_rate is None else c.learning_rate(peak=peak, num_steps=num_steps)
    optimizer = tried(config.optimizer.name, lambda: experiment.optimizer(learning_rate=rate))
    if c.clip_norm is not None:
        optimizer = optax.chain(optax.clip_by_global_norm(c.clip_norm), optimizer)
    return optimizer if c.max_skipped is None else optax.apply_if_finite(optimizer, c.max_skipped)


def build_average(config: Config, experiment: Experiment, description: Description) -> Average | None:
    """The average of the parameters that is evaluated in their place, None without one."""
    name = config.optimizer.name
    if name in AVERAGES and (description.statistics is not None or description.refit is not None):
        raise UsageError(
            f"optimizer.name is {name!r}, whose average is of what it moves itself, with a model of which other "
            "parameters are set: take another optimizer, and --config.train.ema=0.999 for an average"
        )
    try:
        return average_of(name, experiment.train.ema)
    except OptionError as error:
        raise error.within("train") from None
