"""The optimizer of a config: optax's, with the loop's schedule, clipping and skipping around it."""

import optax

from vaex.config.root import Experiment
from vaex.config.section import Config
from vaex.errors import OptionError
from vaex.train import check_options
from vaex.train.averages import Average, average_of


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
    rate = peak if c.learning_rate is None else c.learning_rate(peak=peak, num_steps=num_steps)
    optimizer = experiment.optimizer(learning_rate=rate)
    if c.clip_norm is not None:
        optimizer = optax.chain(optax.clip_by_global_norm(c.clip_norm), optimizer)
    return optimizer if c.max_skipped is None else optax.apply_if_finite(optimizer, c.max_skipped)


def build_average(config: Config, experiment: Experiment) -> Average | None:
    """The average of the parameters that is evaluated in their place, None without one."""
    try:
        return average_of(config.optimizer.name, experiment.train.ema)
    except OptionError as error:
        raise error.within("train") from None
