"""One step of training, as a config sets it up."""

import jax
import jax.numpy as jnp

from vaex.config.setup import Setup
from vaex.train import TrainState, train_step


def one_step(made: Setup, num_examples: int = 16) -> tuple[TrainState, dict]:
    """From made.init(), on the first training examples -> the state after it, and its metrics."""
    stored = jax.tree.map(lambda a: jnp.asarray(a[:num_examples]), made.task.stored)
    return jax.jit(lambda state: train_step(state, made.task.key, stored, recipe=made.recipe))(made.init())
