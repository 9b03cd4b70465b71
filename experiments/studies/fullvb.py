"""What does not overfit a thousand images: one value of each weight, the most probable one, or a distribution."""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from matplotlib.figure import Figure

from vaex.config import override
from vaex.config.keys import TEST_KEY
from vaex.config.setup import setup
from vaex.errors import check_whole
from vaex.evaluate import Options, validator
from vaex.model import first
from vaex.runs.experiments import load_experiment
from vaex.train import train_epoch

NUM_TEST = 300
WAYS = {  # by their flags
    "maximum likelihood": ["--config.train.weights=point"],
    "maximum a posteriori": ["--config.train.weights=point", "--config.train.weight_sigma=1.0"],
    "full variational Bayes": ["--config.train.weights=variational"],
}


class Curve(NamedTuple):
    """L_K of test images and the ELBO of training images, in nats, after some epochs."""

    epochs: np.ndarray
    test: np.ndarray
    train: np.ndarray


def measure(flags: list[str], *, experiment: str = "mnist_fullvb") -> Curve:
    """Train the experiment under some flags, measuring every eval_every epochs; nothing selects a checkpoint."""
    config = override(load_experiment(experiment), flags)
    made = setup(config)
    task, every = made.task, config.train.eval_every
    observe_key, draw_key = jax.random.split(jax.random.fold_in(task.key, TEST_KEY))  # which no step's is
    few = first(task.dataset.test, NUM_TEST)
    x = task.examples.observe(observe_key, few)
    score = validator(draw_key, task.description.bind, x, metrics=("log_likelihood",), options=Options())
    stored = jax.tree.map(jnp.asarray, task.stored)
    epoch = functools.partial(train_epoch, recipe=made.recipe, batch_size=config.train.batch_size)

    def step(state, _):
        after, metrics, _ = epoch(state, task.key, stored)
        return after, metrics["elbo"]

    run = jax.jit(lambda state: jax.lax.scan(step, state, length=every), donate_argnums=0)
    state, rows = made.init(), []
    for done in range(every, config.train.num_epochs + 1, every):
        state, elbos = run(state)
        rows.append((done, float(score(state.params)["log_likelihood"]), float(elbos[-1])))
    return Curve(*map(np.array, zip(*rows, strict=True)))


def fullvb_figure(*, num_epochs: int = 3000) -> tuple[Figure, list[str]]:
    """The test log-likelihood over epochs by each way, with the training ELBO, and how far each falls from its best."""
    check_whole(10, num_epochs=num_epochs)
    length = [f"--config.train.num_epochs={num_epochs}", f"--config.train.eval_every={num_epochs // 10}"]
    figure = Figure(figsize=(6, 4), layout="constrained")
    axes, lines = figure.subplots(), []
    for i, (name, flags) in enumerate(WAYS.items()):
        curve = measure([*flags, *length])
        axes.plot(curve.epochs, curve.test, color=f"C{i}", marker="o", label=name)
        axes.plot(curve.epochs, curve.train, color=f"C{i}", linestyle="--", linewidth=1)
        best = int(np.argmax(curve.test))
        lines.append(
            f"{name}: test L_50 {curve.test[best]:.2f} at the best, after {curve.epochs[best]} epochs, and "
            f"{curve.test[-1]:.2f} at the end, {curve.test[best] - curve.test[-1]:.2f} nats below; training ELBO "
            f"{curve.train[-1]:.2f}"
        )
    axes.set(xlabel="epochs", ylabel="nats")
    axes.set_title(f"test L_50 of {NUM_TEST} images (solid), training ELBO (dashed)", fontsize="medium")
    axes.legend(frameon=False)
    return figure, lines
