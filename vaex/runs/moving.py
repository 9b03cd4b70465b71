"""What of a run moves: what the same latents become at each validation, kept while it trains and drawn at its end."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from vaex.config.keys import TEST_KEY
from vaex.config.setup import Setup
from vaex.config.task import Task
from vaex.data.npz import read_npz, write_npz
from vaex.errors import UsageError
from vaex.evaluate import Trial
from vaex.evaluate.metrics import latent_means
from vaex.files import replaced
from vaex.model import Params, first, num_examples, split
from vaex.runs import folder
from vaex.runs.folder import Row

_SAMPLES, _POINTS = 36, 500  # draws from the prior; validation examples, where there are two latents
_MOST = 60  # frames, of which every other is left out where there are more
_SHARE, _FIRST = 0.05, 0.02  # of the training time; seconds that the first is taken to need


class Watch(NamedTuple):
    """What looks at a run while it trains."""

    look: Callable[[Params], None]  # at each validation
    keep: Callable[[Row], None]  # with the row of the epoch


def watch(path: Path, made: Setup, params: Params, *, epoch: int) -> Watch:
    """Keep frames in a run's folder, in at most a twentieth of the training time; what that needs is compiled here.

    Args:
        path: the run folder.
        made: what training needs.
        params: from which it goes on.
        epoch: of these.
    """
    plan, is_on = made.plan, made.task.experiment.train.moving
    seen = _seen(made.task) if is_on and plan.num_epochs >= 3 * plan.eval_every else None
    if seen is None:
        return Watch(lambda params: None, lambda row: None)
    frames = {e: frame for e, frame in _read(path).items() if e <= epoch}
    compiled = jax.jit(seen)
    # Of parameters that no device has: those of several hosts, of which one looks, are no argument of its own programs.
    see = lambda params: jax.tree.map(np.asarray, compiled(jax.device_get(params)))
    frames[epoch] = see(params)
    start, spent, cost, now = time.perf_counter(), 0.0, _FIRST, []

    def look(params: Params) -> None:
        nonlocal spent, cost
        before = time.perf_counter()
        if spent + cost <= _SHARE * (before - start):
            now.append(see(params))
            cost = time.perf_counter() - before
            spent += cost

    def keep(row: Row) -> None:
        nonlocal spent, frames
        if not now:
            return
        before = time.perf_counter()
        frames[row["epoch"]] = now.pop()
        if len(frames) > _MOST:
            frames = dict([*list(frames.items())[:-1:2], *list(frames.items())[-1:]])  # the newest stays
        with replaced(path / folder.FRAMES) as file:
            stacked = {name: np.stack([frame[name] for frame in frames.values()]) for name in frames[row["epoch"]]}
            write_npz(file, {"epochs": np.array([*frames]), **stacked})
        spent += time.perf_counter() - before

    return Watch(look, keep)


def draw(path: Path, key: jax.Array, trial: Trial, task: Task) -> None:
    """Write figures/training.gif, latent_training.gif and walk.gif, of what there is of them."""
    if not task.experiment.train.moving:
        return
    from vaex.figures import moving

    found = {"walk": moving.walk(key, trial)} if "interpolations" in task.figures else {}
    if len(frames := _read(path)) > 1:
        part = lambda name: np.stack([frame[name] for frame in frames.values()])
        kinds = next(iter(frames.values()))
        if "images" in kinds:
            found["training"] = moving.forming(part("images"), [*frames])
        if "means" in kinds:
            labels = task.dataset.validation.labels[:_POINTS]
            found["latent_training"] = moving.scatter_forming(part("means"), labels, [*frames])
    for name, written in found.items():
        if written is not None:
            with replaced(path / "figures" / f"{name}.gif") as file:
                file.write(written)


def _seen(task: Task) -> Callable[[Params], dict[str, jax.Array]] | None:
    """A function of the parameters: E[p(x|z)] for the same z ~ p(z), and of two latents means; None of other models."""
    x = task.examples.observe(jax.random.fold_in(task.key, TEST_KEY + 2), first(task.dataset.validation, _POINTS))
    key = jax.random.fold_in(task.key, TEST_KEY + 3)
    if split(x)[1] is not None or not {"samples", "latent"} & {*task.figures}:
        return None
    prior = lambda params: task.description.bind(params).prior.sample(key)
    z = jax.tree.leaves(jax.eval_shape(prior, jax.eval_shape(task.description.init, task.init_key)))
    has_two = "latent" in task.figures and [leaf.shape for leaf in z] == [(2,)] and num_examples(x) > 1
    if not has_two and "samples" not in task.figures:
        return None

    def seen(params: Params) -> dict[str, jax.Array]:
        model, found = task.description.bind(params), {}
        if "samples" in task.figures:
            z = model.prior.sample(key, (_SAMPLES,))
            means = jax.vmap(lambda one: model.decode(one).mean)(z)
            found["images"] = jnp.round(255 * jnp.clip(means, 0, 1)).astype(jnp.uint8)
        if has_two:
            found["means"] = latent_means(key, model, x)
        return found

    return seen


def _read(path: Path) -> dict[int, dict[str, np.ndarray]]:
    """The frames of a run by their epochs; none of a file that nobody here wrote."""
    try:
        arrays = read_npz(path / folder.FRAMES) if (path / folder.FRAMES).exists() else {}
        epochs = arrays.pop("epochs", np.zeros(0, int)).tolist()
        return {epoch: {name: array[i] for name, array in arrays.items()} for i, epoch in enumerate(epochs)}
    except (UsageError, IndexError):
        return {}
