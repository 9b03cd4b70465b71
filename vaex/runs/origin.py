"""What a run goes on from: its own last epoch with more of them, or the parameters of another run."""

from pathlib import Path

import jax

from vaex.config import Config, equal, extend, read_config, save_config
from vaex.config.old import is_old
from vaex.config.setup import Setup
from vaex.config.stored import read_json, read_object
from vaex.errors import UsageError
from vaex.files import Fields
from vaex.runs import console, folder
from vaex.runs.load import read_columns
from vaex.runs.steady import steadily
from vaex.train import TrainState, init_state
from vaex.train.loop import Progress


def extended(path: Path, flags: list[str], *, epoch: int) -> Config:
    """The config that a run goes on by: its own, with flags over what may change.

    Args:
        path: the run folder.
        flags: --config.FIELD=VALUE.
        epoch: epochs done.

    Raises:
        UsageError: a run of an earlier vaex; a field that may not change; fewer epochs than are done.
    """
    file = path / folder.CONFIG
    if is_old(read_json(file)):
        raise UsageError(
            f"{path} was trained by an earlier vaex: evaluate and sample it, but train it on by that version"
        )
    return extend(read_config(file), flags, epoch=epoch, run=folder.shown(path), log=console.say)


def change_config(path: Path, config: Config, *, epoch: int) -> None:
    """Write the config that a run goes on by, and keep the one until now beside it, as config_until_EPOCH.json."""
    before = read_config(path / folder.CONFIG)
    if equal(before, config):
        return
    if epoch and not (kept := path / f"config_until_{epoch}.json").exists():
        save_config(before, kept)
    save_config(config, path / folder.CONFIG)


def start_from(run: Path, made: Setup) -> TrainState:
    """The state before the first step, with the parameters of another run's best checkpoint.

    Raises:
        UsageError: they are of another model, or of a table with other columns.
    """
    from vaex.runs import checkpoints

    # Of other numbers of columns the shapes of parameters tell.
    theirs = read_columns(folder.read_dataset(run), run / folder.DATASET)
    for before, now in zip(theirs, made.task.dataset.columns, strict=False):
        if (before.name, before.classes) != (now.name, now.classes):
            of = lambda one: f"{one.name!r}{' of ' + ', '.join(one.classes) if one.classes else ''}"
            raise UsageError(
                f"--from: {folder.shown(run)} has a column {of(before)} where this table has {of(now)}: expected the "
                "same columns in the same order, with the same classes"
            )
    of_others = "a run starts from one of the same model, as its flags describe it"
    try:
        abstract = jax.eval_shape(made.init).params
        params, _ = steadily(run, lambda: checkpoints.restore_params(run, abstract, of_others=of_others))
    except UsageError as error:
        raise UsageError(f"--from: {error}") from None
    return init_state(params, made.recipe.optimizer, averaging=made.recipe.averaging)


def write_start(path: Path, state: TrainState) -> None:
    """Write a state before the first step as a checkpoint, for a run that is killed in its first epoch."""
    from vaex.runs import checkpoints

    checkpoints.save(path, 0, state, Progress()._asdict(), selected=None)


def describe(run: Path) -> Fields:
    """What origin.json says of the run that another starts from: where it lay, its best epoch, its config, its data."""
    from vaex.runs import checkpoints

    return {
        "run": str(run),
        "epoch": checkpoints.best_epoch(run),
        "config": read_json(run / folder.CONFIG),
        "dataset": folder.read_dataset(run),
    }


def read_origin(path: Path) -> Fields:
    """The run and the epoch that a run started from, as results.json has them; {} of one that started anew."""
    if not (path / folder.ORIGIN).exists():
        return {}
    origin = read_object(path / folder.ORIGIN, {"run": str, "epoch": int})
    return {"origin": {"run": origin["run"], "epoch": origin["epoch"]}}
