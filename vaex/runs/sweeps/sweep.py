"""A sweep: its folder, which holds a run's folder for each member, and what becomes of them."""

import contextlib
import json
import resource
from collections.abc import Mapping, Sequence
from pathlib import Path

from vaex.config import Config
from vaex.config.fields import checksum_of
from vaex.config.groups import Group, check_group, groups, numbers_of
from vaex.config.setup import setup
from vaex.config.sweep import Member, describe_sweep, members
from vaex.errors import UsageError
from vaex.files import advising
from vaex.runs import commands, console, folder, results
from vaex.runs.create import check_experiment, check_name, fill_run, point_latest
from vaex.runs.environment import environment
from vaex.runs.page_file import write_page
from vaex.runs.process import interruptible
from vaex.runs.sweeps.ranking import one_metric, rank, show_ranking
from vaex.runs.sweeps.sweeping import Run, train_together
from vaex.runs.training import newest_progress
from vaex.train.loggers import loggers
from vaex.train.loop import Progress, signals

SWEEP = "sweep.json"


def sweep(
    config: Config, swept: Mapping[str, str], name: str, runs: Path, *, called: str | None = None, command: str = ""
) -> Path:
    """Train every combination of some fields' values, those together that one program can; then evaluate and rank.

    The same command carries it on where it was left.

    Args:
        config: what all have in common.
        swept: by each field what is said of its values: "1e-3,3e-3" or "0:8".
        name: of the experiment.
        runs: where run folders are made.
        called: what the sweep is called.
        command: that it is made by, which each member's folder keeps.

    Returns:
        runs/NAME/sweep_CALLED, in which each member has its folder.
    """
    check_name(called)
    found = members(config, swept, log=console.say)
    together = groups(found)
    select = check_groups(together)
    path = open_sweep(config, swept, name, runs, called=called)
    with folder.locked(path), advising(lambda: how_to_go_on(path)):
        console.say(f"{_count(found, together)}; sweep folder {folder.shown(path)}")
        stopped = train_all(path, together, name, command=command)
        if stopped is None:
            return path
        for group in together:
            evaluate(path, group, [one for one in group.members if one.name not in stopped])
        places = rank(found, path, stopped)
        show_ranking(path, places, name, select)
        if places and places[0].members:
            point_latest(runs, path / places[0].members[0])
    return path.resolve()


def check_groups(together: Sequence[Group]) -> str:
    """What could stop these before anything is trained -> the metric by which all members are ranked.

    Raises:
        UsageError: members that are no runs of one program, or that are selected by different metrics.
    """
    for group in together:
        check_group(group)
        results.check_selection(group.program.made)
    return one_metric(group.program.made.plan.select for group in together)


def open_sweep(
    config: Config, swept: Mapping[str, str], name: str, runs: Path, *, called: str | None, kind: str = "sweep"
) -> Path:
    """Make a sweep's folder, or find that it is this sweep's.

    Args:
        config, swept, name, runs, called: as of sweep.
        kind: what the folder's name begins with.

    Raises:
        UsageError: it is another's, or cannot be written.
    """
    said = describe_sweep(config, swept, name)
    path = runs / name / f"{kind}_{called or f'{checksum_of(said):08x}'}"
    check_experiment(name)
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        cure = "name another with ARGS=--runs=FOLDER"
        raise UsageError(f"cannot write a sweep's folder in {path}: {error.strerror or error}; {cure}") from None
    if not (path / SWEEP).exists():
        folder.write_json(path / SWEEP, said)
    elif json.loads(json.dumps(said)) != folder.read_json(path / SWEEP):
        raise UsageError(f"{path} is another sweep's: name this one otherwise, or give the command that made it again")
    return path


def train_all(path: Path, together: list[Group], name: str, *, command: str = "") -> dict[str, str] | None:
    """Train the members of all groups -> why each stopped that did so early; None where an interruption ended it."""
    _allow_files(2 * sum(len(group.members) for group in together))
    with contextlib.ExitStack() as stack:
        waiting = [
            [open_run(path / one.name, one, group, name, stack, command=command) for one in group.members]
            for group in together
        ]
        total = sum(group.program.made.plan.num_epochs * len(group.members) for group in together)
        done = lambda: sum(run.progress.epoch for runs in waiting for run in runs)
        seconds = lambda: sum(run.progress.seconds for runs in waiting for run in runs)
        interrupted = stack.enter_context(signals())
        show = stack.enter_context(console.sweeping(total, done(), seconds()))
        for group, runs in zip(together, waiting, strict=True):
            told: folder.Show = lambda row: show(done(), seconds(), f"loss {row['loss']:.2f}")
            if not train_together(runs, group.program, show=told, interrupted=interrupted):
                console.say(f"interrupted; the same command carries on {folder.shown(path)}")
                return None
        stopped = {run.path.name: run.stopped for runs in waiting for run in runs if run.stopped}
    for member, why in stopped.items():
        console.say(f"{member} stopped: {why}")
        write_page(path / member, state=f"Training ended early: {why}", is_wrong=True, made_by=environment())
    return stopped


def open_run(
    path: Path, member: Member, group: Group, name: str, stack: contextlib.ExitStack, *, command: str = ""
) -> Run:
    """The folder of a member, made where there is none, and how far it is; held until the stack is unwound."""
    fill_run(path, member.config, lambda: commands.describe(group.program.made.task, name), what="sweep")
    stack.enter_context(folder.locked(path))
    commands.check_data(path, group.program.made.task)
    progress = Progress() if folder.newest_checkpoint(path) is None else newest_progress(path)
    if command and not group.program.made.plan.is_over(progress):
        folder.add_command(path, command)
    to = loggers(group.program.made.task.experiment.train.loggers)
    write = stack.enter_context(folder.metrics_writer(path, epoch=progress.epoch, to=to))
    return Run(path, member, numbers_of(member, group.numbers), write, progress)


def evaluate(path: Path, group: Group, finished: list[Member]) -> None:
    """Write the results, figures and pages of those members of a group that have none yet."""
    advice = f"the checkpoints are whole; the same command carries on {folder.shown(path)}"
    for member in finished:
        run = path / member.name
        if not (run / folder.RESULTS).exists():
            with folder.locked(run), interruptible(advice):
                task = setup(member.config, dataset=group.program.made.task.dataset).task
                results.write(run, task, newest_progress(run))
        elif not (run / folder.PAGE).exists():  # the last that is written
            with folder.locked(run):
                write_page(run)


def _allow_files(more: int) -> None:
    """So many may be open besides, where the system allows it: each member holds its lock and its metrics."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = soft + more if hard == resource.RLIM_INFINITY else min(hard, soft + more)
    with contextlib.suppress(ValueError, OSError):  # beyond a limit that the system does not tell
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, most), hard))


def _count(found: list[Member], together: list[Group]) -> str:
    if len(together) == 1:
        return f"{len(found)} runs in one program"
    sizes = ", ".join(str(len(group.members)) for group in together)
    return f"{len(found)} runs in {len(together)} programs, of {sizes} runs, since fields differ that make another one"


def how_to_go_on(path: Path) -> str:
    """After a write that failed."""
    return f"what was saved is whole: make room there, then the same command carries on {folder.shown(path)}"
