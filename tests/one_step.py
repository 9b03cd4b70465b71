"""One step of training, as a config sets it up."""

import jax
import jax.numpy as jnp

from vaex.config import override
from vaex.config.setup import Setup, setup
from vaex.runs.experiments import load_experiment
from vaex.train import TrainState, train_step


def configured(*flags: str) -> Setup:
    """The digits experiment with a narrow encoder and flags."""
    narrow = "--config.model.network.encoder_hidden=8,"
    fits = not any(flag.startswith("--config.model.name=") for flag in flags)  # of a vae, which has a network
    return setup(override(load_experiment("digits"), [*([narrow] if fits else []), *flags]))


def one_step(made: Setup, num_examples: int = 16) -> tuple[TrainState, dict]:
    """From made.init(), on the first training examples -> the state after it, and its metrics."""
    stored = jax.tree.map(lambda a: jnp.asarray(a[:num_examples]), made.task.stored)
    return jax.jit(lambda state: train_step(state, made.task.key, stored, recipe=made.recipe))(made.init())
