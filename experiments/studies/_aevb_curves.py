"""Curves of the figures of auto-encoding variational Bayes, each kept when it is there and not computed again."""

import functools
import math
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, PRNGKeyArray

from vaex.errors import check_finite
from vaex.files import replaced
from vaex.model import Model, Params

from . import _kept
from ._aevb import STRETCH, Setup, elbos, log_likelihoods, trainer
from ._kept import Numbers

KEPT = "runs/aevb"  # the folder of curves and parameters


class Curve(NamedTuple):
    """Scores while training, and what was trained."""

    setup: Setup
    algorithm: str
    samples: np.ndarray  # seen until each score
    train: np.ndarray  # the mean over training images, nats
    test: np.ndarray  # the mean over test images
    params: Params

    @property
    def model(self) -> Model:
        """What was trained."""
        return self.setup.vae().bind(self.params)


def curve(setup: Setup, algorithm: str, *, samples: float, kept: str = KEPT) -> Curve:
    """A curve of ELBOs of 1,000 images, or where setup.num_train is set of log p(x) of 100, at ever longer distances.

    Args:
        setup: what is trained.
        algorithm: by what.
        samples: seen in training.
        kept: the folder in which the curve is looked for, and kept.

    Raises:
        OptionError: samples below 1.
    """
    check_finite(1, samples=samples)
    size = "" if setup.num_train is None else f"_of_{setup.num_train}"
    part = _kept.found_part(setup.data)
    path = Path(kept) / f"{setup.data}{part}{size}_{setup.hidden}_{setup.latent_dim}_{algorithm}_{samples:.0f}.json"
    arrays = path.with_suffix(".npz")

    def compute() -> Numbers:
        found, params = _train(setup, algorithm, samples)
        with replaced(arrays) as file:
            np.savez(file, **{f"{i:03}": leaf for i, leaf in enumerate(jax.tree.leaves(params))})
        return found

    if not arrays.is_file():
        path.unlink(missing_ok=True)
    found = _kept.kept(path, compute, tell=lambda found: f"test {found['test'][-1]:.2f} nats")
    return _read(setup, algorithm, found, [array for _, array in sorted(np.load(arrays).items())])


def _read(setup: Setup, algorithm: str, found: Numbers, leaves: list) -> Curve:
    tree = jax.tree.structure(jax.eval_shape(setup.vae().init, jax.random.key(0)))
    numbers = {name: np.array(found[name]) for name in ("samples", "train", "test")}
    return Curve(setup, algorithm, **numbers, params=tree.unflatten(leaves))


def _train(setup: Setup, algorithm: str, samples: float) -> tuple[Numbers, Params]:
    """The numbers of a curve, and the parameters at its end."""
    train, test = setup.images()
    start_key, key, score_key = jax.random.split(jax.random.key(0), 3)
    total, rows = max(1, round(samples / STRETCH)), []
    state = _start(start_key, train, setup=setup, algorithm=algorithm)
    for i in range(1, total + 1):
        state = _stretch(key, state, train, setup=setup, algorithm=algorithm)
        if i == total or _is_scored(i, 8 if setup.num_train is None else 1):
            seen = int(state.step) * trainer(setup, algorithm).samples
            rows.append((seen, *map(float, _scores(score_key, state.params, train, test, setup=setup))))
    columns = dict(zip(("samples", "train", "test"), map(list, zip(*rows, strict=True)), strict=True))
    return {**setup._asdict(), "algorithm": algorithm, **columns}, state.params


def _is_scored(i: int, per_doubling: int) -> bool:
    """Whether a stretch is one of those that are about equally far from each other by their logarithms."""
    return i == 1 or int(per_doubling * math.log2(i)) > int(per_doubling * math.log2(i - 1))


@functools.partial(jax.jit, static_argnames=("setup", "algorithm"))
def _start(key: PRNGKeyArray, images: Array, *, setup: Setup, algorithm: str) -> Any:
    return trainer(setup, algorithm).start(key, images)


@functools.partial(jax.jit, static_argnames=("setup", "algorithm"))
def _stretch(key: PRNGKeyArray, state: Any, images: Array, *, setup: Setup, algorithm: str) -> Any:
    return trainer(setup, algorithm).stretch(key, state, images)


@functools.partial(jax.jit, static_argnames="setup")
def _scores(key: PRNGKeyArray, params: Params, train: Array, test: Array, *, setup: Setup) -> tuple[Array, Array]:
    measure, most = (elbos, 1000) if setup.num_train is None else (log_likelihoods, 100)
    mean = lambda images: jnp.mean(measure(setup, params, key, images[:most]))
    return mean(train), mean(test)
