"""Figures of completions: what a model draws under a condition."""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, PRNGKeyArray
from matplotlib.figure import Figure

from vaex.data.frames import sequence_length
from vaex.distributions.masked import filled
from vaex.evaluate.completion import NUM_COMPLETIONS, bicubic, complete, roll_out
from vaex.evaluate.trial import Trial
from vaex.figures.grids import image_grid
from vaex.model import Conditional, Given, first

_SHOWN, _SEQUENCES = 10, 4  # examples, or sequences, in a figure


def samples_by_label(key: PRNGKeyArray, trial: Trial) -> Figure:
    """A row for each class: draws under it."""
    rows = _rows(key, trial.model, jnp.eye(trial.num_classes), num_samples=12)
    title = "a row for each label c: E[p(x|z, c)], z drawn from p(z|c)"
    names = [str(label) for label in range(len(rows))]
    return image_grid(rows.reshape(-1, *rows.shape[2:]), columns=12, title=title, row_names=names)


def enlargements(key: PRNGKeyArray, trial: Trial) -> Figure:
    """A row for each of ten examples: the small image, six completions, their mean, interpolation, and the image."""
    shown = _shown(trial)
    drawn = _rows(key, trial.model, shown.condition, num_samples=NUM_COMPLETIONS)
    shape = shown.x.shape[1:]
    small = jax.vmap(lambda c: jax.image.resize(c, shape, "nearest"))(shown.condition)
    cubic = jax.vmap(lambda c: bicubic(c, shape))(shown.condition)
    columns = [small[:, None], drawn[:, :6], drawn.mean(axis=1, keepdims=True), cubic[:, None]]
    title = f"given; six completions; the mean of {NUM_COMPLETIONS}; bicubic interpolation; the test image"
    return _side_by_side([*columns, shown.x[:, None]], title)


def completions(key: PRNGKeyArray, trial: Trial) -> Figure:
    """A row for each of ten examples: the upper half, seven completions of it, their mean, and the image."""
    shown = _shown(trial)
    drawn = _rows(key, trial.model, shown.condition, num_samples=NUM_COMPLETIONS)
    unknown = jnp.full_like(shown.x, 0.5)[:, None]
    lower = [unknown, drawn[:, :7], drawn.mean(axis=1, keepdims=True), shown.x[:, None]]
    upper = [jnp.broadcast_to(shown.condition[:, None], (*n.shape[:2], *shown.condition.shape[1:])) for n in lower]
    title = f"given; seven completions; the mean of {NUM_COMPLETIONS}; the test image"
    return _side_by_side([jnp.concatenate(halves, axis=-3) for halves in zip(upper, lower, strict=True)], title)


def roll_outs(key: PRNGKeyArray, trial: Trial) -> Figure:
    """Test sequences, and below each the frames that follow its first ones, drawn one after another."""
    given = trial.x._replace(x=filled(trial.x.x, 0.5))
    num_windows = sequence_length(trial.dataset.test.images)
    starts = np.arange(min(_SEQUENCES, len(given.x) // num_windows)) * num_windows
    first_frames = np.moveaxis(np.asarray(given.condition)[starts], -1, 1)  # [sequence, k, H, W]
    true = np.stack([np.asarray(given.x)[i : i + num_windows, ..., 0] for i in starts])
    draw = jax.jit(jax.vmap(lambda k, c: roll_out(k, trial.model, c, num_frames=num_windows)))
    drawn = np.asarray(draw(jax.random.split(key, len(starts)), given.condition[starts]))
    rows = np.stack([np.concatenate([first_frames, frames], axis=1) for frames in (true, drawn)], axis=1)
    frames = first_frames.shape[1]
    title = f"test sequences, and below each what is drawn, frame after frame, given its first {frames}: E[p(x|z, c)]"
    names = [str(t + 1) for t in range(rows.shape[2])]
    return image_grid(rows.reshape(-1, *rows.shape[3:], 1), columns=len(names), title=title, column_names=names)


def _shown(trial: Trial) -> Given:
    """Some examples, grey where something is missing."""
    shown = first(trial.x, _SHOWN)
    return shown._replace(x=filled(shown.x, 0.5))


def _rows(key: PRNGKeyArray, model: Conditional, conditions: Array | np.ndarray, *, num_samples: int) -> np.ndarray:
    """Completions under each condition, [N, K, ...]."""
    keys = jax.random.split(key, len(conditions))
    draw = jax.jit(jax.vmap(lambda k, c: complete(k, model, c, num_samples=num_samples)))
    return np.asarray(draw(keys, conditions))


def _side_by_side(columns: list, title: str) -> Figure:
    """Arrays [N, columns, H, W, C] -> a figure with N rows."""
    grid = np.concatenate([np.asarray(c) for c in columns], axis=1)
    return image_grid(grid.reshape(-1, *grid.shape[2:]), columns=grid.shape[1], title=title)
