"""What a config says is measured at each validation."""

from collections.abc import Callable

import jax

from vaex.config.keys import TEST_KEY
from vaex.config.setup import Setup
from vaex.evaluate import Options, validator
from vaex.evaluate.metrics import Measured
from vaex.model import Params, first


def measure(made: Setup) -> Callable[[Params], Measured]:
    """A function of the parameters, on the validation split, or on 10,000 training images where there is none."""
    task = made.task
    observe_key, draw_key = jax.random.split(jax.random.fold_in(task.key, TEST_KEY + 1))
    train, held_out = task.dataset.train, task.dataset.validation
    split = held_out if len(held_out.images) else first(train, 10_000)
    num_samples = task.experiment.evaluate.validation_samples
    options = Options(num_samples=num_samples, objective=made.bound, labels=split.labels)
    x = task.examples.observe(observe_key, split)
    return validator(draw_key, task.description.bind, x, metrics=task.description.metrics, options=options)
