"""What the command line does: train, evaluate and sample, each in a run folder."""

import functools
import zlib
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from vaex.config import Config, read_config, save_config
from vaex.config.conditions import conditions_to_sample
from vaex.config.setup import Setup, setup
from vaex.errors import UsageError
from vaex.runs import console, folder, results
from vaex.runs.load import load
from vaex.train import TrainState, train_epoch
from vaex.train.loop import Loop, Progress, fit


def train_new(config: Config, name: str, runs: Path) -> Path:
    """Train, evaluate and draw, in a new folder runs/NAME/TIME."""
    made = setup(config)  # whatever is wrong with the config is said before a folder is made
    path = folder.create_run(runs, name)
    folder.write_json(path / folder.DATASET, describe(made, name))
    save_config(config, path / folder.CONFIG)
    return _train(path, made)


def resume(run: str) -> Path:
    """Carry an unfinished run on; a finished one is evaluated again."""
    path = folder.open_run(run)
    made = _reopen(path)
    return _train(path, made)


def evaluate(run: str) -> Path:
    """Write results.json and the figures of a run's best checkpoint again."""
    path = folder.open_run(run)
    with folder.locked(path):
        made = _reopen(path)
        results.write(path, made, _progress(path, made)[1])
    return path


def sample(run: str, num_samples: int, seed: int, label: int | None = None) -> Path:
    """Draw from a run's best checkpoint: figures/samples.png, and samples.npz with the means and draws.

    Where labels are the condition, from p(x|label), or from that of each label in turn.
    """
    if num_samples < 1:
        raise UsageError(f"--num-samples is {num_samples}: expected at least 1")
    path = folder.open_run(run)
    from vaex import figures

    with folder.locked(path):
        vae, params, config = load(path)
        model = vae.bind(params)
        conditions = conditions_to_sample(config, num_samples, label)

        @jax.jit
        @jax.vmap
        def draw(key: jax.Array, condition: jax.Array | None) -> tuple[Any, jax.Array, jax.Array]:
            one = model if condition is None else model.given(condition)
            prior_key, draw_key = jax.random.split(key)
            z = one.prior.sample(prior_key)
            return z, one.decode(z).mean, one.decode(z).sample(draw_key)

        z, means, images = jax.device_get(draw(jax.random.split(jax.random.key(seed), num_samples), conditions))
        leaves, _ = jax.tree_util.tree_flatten_with_path(z)
        latents = {"".join(["z", *map(_part, place)]): leaf for place, leaf in leaves}
        np.savez(path / "samples.npz", **latents, means=means, samples=images)
        folder.save_figure(path, "samples", figures.samples(means))
    console.say(f"{num_samples} samples: {path / 'figures' / 'samples.png'} and {path / 'samples.npz'}")
    return path


def _part(key: Any) -> str:
    """Of the name of a latent: "_1" for the first of a tuple, ".y" for a field y."""
    return f"_{key.idx + 1}" if isinstance(key, jax.tree_util.SequenceKey) else str(key)


def _train(path: Path, made: Setup) -> Path:
    with folder.locked(path):
        state, progress = _progress(path, made)
        console.say(
            f"{made.label}: {len(made.dataset.train.images):,} training images from {made.dataset.source}; "
            f"run folder {path}"
        )
        c = made.options
        stored = jax.tree.map(jnp.asarray, made.stored)
        run_epoch = jax.jit(
            functools.partial(train_epoch, recipe=made.recipe, batch_size=c.batch_size), donate_argnums=0
        )
        with (
            folder.metrics_writer(path, epoch=progress.epoch) as write,
            console.training(c.num_epochs, progress.epoch, progress.seconds, made.num_steps * c.batch_size) as show,
        ):

            def log(row: dict[str, float]) -> None:
                write(row)
                show(row)

            def last_good() -> str:
                newest = folder.newest_checkpoint(path)
                return "no checkpoint yet" if newest is None else f"last good checkpoint: {newest}"

            def save(state: TrainState, progress: Progress, elbo: float | None) -> None:
                from vaex.runs import checkpoints  # orbax: half a second, which the first step need not wait for

                checkpoints.save(path, progress.epoch, state, progress._asdict(), elbo=elbo)

            loop = Loop(
                run_epoch=lambda state: run_epoch(made.before_epoch(state), made.key, stored),
                validate=results.validator(made),
                save=save,
                log=log,
                last_good=last_good,
            )
            state, progress, ending = fit(
                state,
                progress,
                loop,
                num_epochs=c.num_epochs,
                num_steps=made.num_steps,
                eval_every=c.eval_every,
                patience=c.patience,
            )
        if ending == "interrupted":
            console.say(f"interrupted after epoch {progress.epoch}; carry on with: make train RUN={folder.shown(path)}")
            return path
        if ending == "stopped early":
            console.say(
                f"stopped early after epoch {progress.epoch}: {progress.stale} validations without a better ELBO"
            )
        del state, stored  # the best checkpoint is what is evaluated
        results.write(path, made, progress)
    return path


def _progress(path: Path, made: Setup) -> tuple[TrainState, Progress]:
    """The newest checkpoint, or the state before the first step."""
    if folder.newest_checkpoint(path) is None:
        return made.init(), Progress()
    from vaex.runs import checkpoints

    state, progress = checkpoints.restore(path, jax.eval_shape(made.init))
    return jax.device_put(state), Progress(**progress)


def _reopen(path: Path) -> Setup:
    """A run's setup, on the data that it was trained on."""
    made = setup(read_config(path / folder.CONFIG))
    before = folder.read_json(path / folder.DATASET)
    now = describe(made, before["experiment"])
    for field in ("dataset", "num_train", "x_shape", "crc32"):
        if now[field] != before[field]:
            raise UsageError(
                f"{path} was trained on {before['dataset']} ({before['num_train']:,} images); found other data, "
                f"{now['dataset']} ({now['num_train']:,} images), in {made.dataset.source}: set VAEX_DATA_DIR, or "
                f"unset it, as it was when the images came from {before['source']}"
            )
    return made


def describe(made: Setup, name: str) -> dict[str, Any]:
    """The experiment and the data of a run, as its dataset.json has them."""
    images = made.dataset.train.images
    return {
        "experiment": name,
        "dataset": made.label,
        "num_train": len(images),
        "source": made.dataset.source,
        "x_shape": list(images.shape[1:]),
        "crc32": functools.reduce(lambda crc, split: zlib.crc32(split.images.data, crc), made.dataset[3:], 0),
    }
