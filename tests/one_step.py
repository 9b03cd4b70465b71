"""One step of training, as a config sets it up."""

import contextlib
from collections.abc import Iterator

import jax
import jax.numpy as jnp
import pytest

from vaex.config import loss, override
from vaex.config.setup import Setup, setup
from vaex.models import vae
from vaex.runs.experiments import load_experiment
from vaex.train import TrainState, train_step


@contextlib.contextmanager
def untried() -> Iterator[None]:
    """Within, setup tries neither loss nor latents on shapes: a step that follows finds whatever they would."""
    with pytest.MonkeyPatch.context() as patch:
        for module, check in ((loss, "_trace"), (vae, "_latent_shape")):
            patch.setattr(module, check, lambda *args: ())
        yield


def configured(*flags: str) -> Setup:
    """The digits experiment with a narrow encoder and flags."""
    narrow = "--config.model.network.encoder_hidden=8,"
    fits = not any(flag.startswith("--config.model.name=") for flag in flags)  # of a vae, which has a network
    return setup(override(load_experiment("digits"), [*([narrow] if fits else []), *flags]))


# What an update moves, a gradient moves; a fifth or more of a step's operations are Adam's.
SGD = ["--config.optimizer.name=sgd", "--config.optimizer.learning_rate=0.1"]

# What runs once or twice is compiled in a third of the time.
QUICK = {"xla_backend_optimization_level": 0, "xla_llvm_disable_expensive_passes": True}


def start(made: Setup) -> TrainState:
    """The state before the first step."""
    return jax.jit(lambda: made.init(), compiler_options=QUICK)()


def traced_first_step(made: Setup, num_examples: int = 16) -> tuple[TrainState, TrainState, dict]:
    """What first_step gives, for a program that has more in it."""
    before = made.init()
    stored = jax.tree.map(lambda a: jnp.asarray(a[:num_examples]), made.task.stored)
    return before, *train_step(before, made.task.key, stored, recipe=made.recipe)


def first_step(made: Setup, num_examples: int = 16) -> tuple[TrainState, TrainState, dict]:
    """On the first training examples -> made.init(), the state after it, and its metrics, in one program."""
    return jax.jit(lambda: traced_first_step(made, num_examples), compiler_options=QUICK)()


def one_step(made: Setup, num_examples: int = 16) -> tuple[TrainState, dict]:
    """The state after the first step, and its metrics."""
    _, after, metrics = first_step(made, num_examples)
    return after, metrics
