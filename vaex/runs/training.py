"""Training in a run's folder: the loop with its checkpoints, its metrics and its progress."""

import contextlib
import functools
from collections.abc import Iterator
from pathlib import Path

import jax

from vaex.config import Config
from vaex.config.setup import Setup
from vaex.config.stored import check_fields
from vaex.errors import UsageError, WriteError
from vaex.files import Fields, advising
from vaex.model import Params
from vaex.runs import console, devices, folder, hosts, moving, origin, results
from vaex.runs.environment import environment
from vaex.runs.epochs import compiled_epoch
from vaex.runs.page_file import page_while_training, write_page
from vaex.runs.process import interruptible
from vaex.train import TrainState
from vaex.train.loggers import loggers
from vaex.train.loop import Loop, Progress, fit


def train(path: Path, made: Setup, *, config: Config | None = None, command: str = "") -> Path:
    """Train from the newest checkpoint, or from the start, to the end; then evaluate and draw.

    Args:
        path: the run folder.
        made: what training needs.
        config: what the run goes on by, where that is not what its folder says.
        command: that it is trained by, to be written down; "" where there is none.
    """
    if not hosts.is_first():
        return train_along(path, made)
    task, c = made.task, made.task.experiment.train
    with (
        devices.over(c.devices),
        folder.locked(path),
        advising(lambda: _how_to_go_on(path)),
        interruptible(f"carry on with: make train {folder.as_run(path)}"),
    ):
        state, progress = _newest(path, made)
        state = devices.placed(state)
        if config is not None:
            origin.change_config(path, config, epoch=progress.epoch)
        what = "rows" if task.dataset.columns else "images"
        found = f"{len(task.dataset.train.images):,} training {what} from {task.dataset.source}, {task.dataset.meaning}"
        kept = "" if task.labelled is None else f"; {len(task.labelled):,} labels kept"
        console.say(f"{task.label}: {found}{kept}; run folder {path}")
        if progress.epoch and not (path / folder.METRICS).exists():
            console.say(f"{folder.METRICS} is gone: the curves begin behind epoch {progress.epoch}")
        with (
            _page_of_failure(path),
            folder.metrics_writer(path, epoch=progress.epoch, to=loggers(c.loggers)) as write,
            console.training(c.num_epochs, progress.epoch, progress.seconds, task.num_steps * c.batch_size) as show,
        ):
            if command:  # now that all of the folder has been read
                folder.add_command(path, command)
            state, progress, ending = fit(
                state,
                progress,
                _loop(path, made, write, show, state, progress.epoch),
                made.plan,
            )
        if hosts.are_several():
            hosts.part()
        if ending == "interrupted":
            said = f"interrupted after epoch {progress.epoch}; carry on with: make train {folder.as_run(path)}"
            write_page(path, state=said[0].upper() + said[1:], made_by=environment())
            console.say(said)
            return path
        if ending == "stopped early":
            without = f"{progress.stale} validations without a better {made.plan.select}"
            console.say(f"stopped early after epoch {progress.epoch}: {without}")
        del state  # the best checkpoint is what is evaluated
        results.write(path, task, progress)
    return path


@contextlib.contextmanager
def _page_of_failure(path: Path) -> Iterator[None]:
    """The page says what training ended by, as the loss of a run that diverged."""
    try:
        yield
    except WriteError:
        raise
    except UsageError as error:
        write_page(path, state=f"Training ended early: {error}", is_wrong=True, made_by=environment())
        raise


def _how_to_go_on(path: Path) -> str:
    """After a write that failed."""
    newest = folder.newest_checkpoint(path)
    whole = "its config is whole" if newest is None else f"checkpoint {newest.name} is whole"
    return f"{whole}: make room there, then carry on with: make train {folder.as_run(path)}"


def newest_progress(path: Path) -> Progress:
    """How far a run is."""
    from vaex.runs import checkpoints

    return _progress(path, checkpoints.read_progress(path))


def _newest(path: Path, made: Setup) -> tuple[TrainState, Progress]:
    """The newest checkpoint, or the state before the first step."""
    if folder.newest_checkpoint(path) is None:
        return jax.jit(lambda: made.init(), compiler_options=_once())(), Progress()
    from vaex.runs import checkpoints

    state, progress = checkpoints.restore(path, jax.eval_shape(made.init))
    return state, _progress(path, progress)


def _once() -> dict[str, int] | None:
    """For a program that runs once: on a CPU two thirds of the compilation, the same numbers."""
    return {"xla_backend_optimization_level": 1} if jax.default_backend() == "cpu" else None


def _progress(path: Path, saved: Fields) -> Progress:
    """Progress as it was saved; of a run from before, whose best ELBO has a name of its own."""
    named = {"best" if name == "best_elbo" else name: value for name, value in saved.items()}
    where = f"the progress in {folder.newest_checkpoint(path)}"
    fields = check_fields(named, Progress.__annotations__, where)
    if more := [name for name in fields if name not in Progress._fields]:
        raise UsageError(f"{where} has a field {more[0]!r}: expected only {', '.join(Progress._fields)}")
    return Progress(**fields)


def _loop(path: Path, made: Setup, write: folder.Show, show: folder.Show, state: TrainState, epoch: int) -> Loop:
    """What the loop does at each turn, in a run's folder."""
    alone = _loop_without_folder(path, made, state)
    page = page_while_training(path, made.task.experiment.train.num_epochs)
    watch = moving.watch(path, made, state.params, epoch=epoch)

    def measure(params: Params) -> folder.Row:
        found = alone.validate(params)
        watch.look(params)
        return found

    def log(row: folder.Row) -> None:
        write(row)
        show(row)
        watch.keep(row)

    def save(state: TrainState, progress: Progress, selected: float | None) -> None:
        from vaex.runs import checkpoints  # orbax: half a second, which the first step need not wait for

        checkpoints.save(path, progress.epoch, state, progress._asdict(), selected=selected)

    return alone._replace(validate=measure, save=save, log=log, draw=page)


def _loop_without_folder(path: Path, made: Setup, state: TrainState) -> Loop:
    """The same where nothing is written: what is measured at a validation is the same on all hosts."""
    run_epoch, measured = compiled_epoch(made, state), results.validate(made)
    return Loop(
        run_epoch=lambda state, epoch: run_epoch(made.before_epoch(state, epoch)),
        validate=lambda params: hosts.agreed(measured(params)),
        save=lambda *_: None,
        log=lambda _: None,
        draw=lambda _: None,
        last_good=functools.partial(folder.last_good, path),
        is_over_for_all=hosts.any_of,
    )


def train_along(path: Path, made: Setup) -> Path:
    """What train does on the hosts that write nothing."""
    state, progress = _newest(path, made)
    fit(state, progress, _loop_without_folder(path, made, state), made.plan)
    hosts.part()
    return path
