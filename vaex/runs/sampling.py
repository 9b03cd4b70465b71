"""Drawing from a trained run."""

from pathlib import Path
from typing import Any

import jax
import numpy as np

from vaex.config.task import condition_of
from vaex.errors import UsageError, check_seed
from vaex.files import advising, replaced
from vaex.model import Conditional
from vaex.runs import console, folder
from vaex.runs.load import load, num_classes


def sample(run: str, num_samples: int, seed: int, label: int | None = None) -> Path:
    """Draw from a run's best checkpoint: figures/samples.png, and samples.npz with the means and draws.

    Where labels are the condition, from p(x|label), or from that of each label in turn.
    """
    if num_samples < 1:
        raise UsageError(f"--num-samples is {num_samples}: expected at least 1")
    check_seed(**{"--seed": seed})
    path = folder.open_run(run)
    from vaex import figures
    from vaex.runs import checkpoints

    again = f"the run is whole: make room there, then make sample RUN={folder.shown(path)}"
    with folder.locked(path), advising(lambda: again):
        vae, params, config = load(path)
        model = vae.bind(params)
        conditions = to_sample(condition_of(config), num_classes(path), num_samples, label)

        @jax.jit
        @jax.vmap
        def draw(key: jax.Array, condition: jax.Array | None) -> tuple[Any, jax.Array, jax.Array]:
            one = model.model_of(condition) if isinstance(model, Conditional) else model  # of any, even of none
            prior_key, draw_key = jax.random.split(key)
            z = one.prior.sample(prior_key)
            return z, one.decode(z).mean, one.decode(z).sample(draw_key)

        z, means, images = jax.device_get(draw(jax.random.split(jax.random.key(seed), num_samples), conditions))
        leaves, _ = jax.tree_util.tree_flatten_with_path(z)
        latents = {"".join(["z", *map(_part, place)]): leaf for place, leaf in leaves}
        with replaced(path / folder.SAMPLES) as file:
            np.savez(file, **latents, means=means, samples=images)
        if "columns" in folder.read_dataset(path):  # rows are no pictures
            console.say(f"{num_samples} samples: {path / folder.SAMPLES}")
            return path
        in_turn = 0 if conditions is None or label is not None else num_classes(path)
        title = f"{folder.read_dataset(path)['experiment']}, epoch {checkpoints.best_epoch(path)}"
        title += "" if label is None else f", label {label}"
        figure = figures.titled(figures.of_samples(means, labels=in_turn), title)
        folder.save_figure(path, "samples", figure)
    console.say(f"{num_samples} samples: {path / 'figures' / 'samples.png'} and {path / folder.SAMPLES}")
    return path


def to_sample(condition: str | None, num_classes: int, num_samples: int, label: int | None) -> jax.Array | None:
    """What to draw samples under: None of an unconditional model, else a label, or every label in turn.

    Raises:
        UsageError: a label where the condition is none, or that is no class, or a condition that is an image.
    """
    if condition is None and label is None:
        return None
    if condition is None:
        raise UsageError(f"--label is {label}, but this model has no labels for a condition: leave it out")
    if condition != "label":
        raise UsageError(
            f"this model's condition is an image ({condition}), of which none is at hand: `make evaluate RUN=...` "
            "draws completions of test images, and vae.bind(params).given(condition) is the model of any one condition"
        )
    if label is not None and not 0 <= label < num_classes:
        raise UsageError(f"--label is {label}: expected 0 to {num_classes - 1}")
    labels = np.arange(num_samples) % num_classes if label is None else np.full(num_samples, label)
    return jax.nn.one_hot(labels, num_classes)


def _part(key: Any) -> str:
    """Of the name of a latent: "_1" for the first of a tuple, ".y" for a field y."""
    return f"_{key.idx + 1}" if isinstance(key, jax.tree_util.SequenceKey) else str(key)
