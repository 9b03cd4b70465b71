"""A sweep whose members are trained by jobs of their own, which submitit hands to Slurm or starts on this machine."""

import contextlib
import importlib
import os
import signal
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import ModuleType

import jax

from vaex.config import Config
from vaex.config.setup import Setup, setup
from vaex.config.sweep import Member, members
from vaex.data import Dataset
from vaex.errors import InUse, UsageError
from vaex.files import advising
from vaex.runs import commands, console, folder, results
from vaex.runs.create import check_name, fill_run, point_latest
from vaex.runs.start import set_up_jax
from vaex.runs.sweeps import sweep
from vaex.runs.sweeps.ranking import one_metric, rank, show_ranking
from vaex.train.loop import signals

_JOBS = "jobs"  # submitit's folder, with what each job printed


def launch(
    config: Config, swept: Mapping[str, str], name: str, runs: Path, *, called: str | None = None, command: str = ""
) -> Path:
    """Train every combination of some fields' values, each a job on one device; then rank those that have finished.

    Without Slurm the jobs run here, as many at a time as there are devices. The same command trains those that have no
    results yet, but for any that is under way. Ctrl-C leaves the jobs alone, and ranks what has finished.

    Args:
        config: what all have in common.
        swept: by each field what is said of its values.
        name: of the experiment.
        runs: where run folders are made, which all machines see.
        called: what the sweep is called.
        command: that it is made by, which each member's folder keeps.

    Returns:
        runs/NAME/sweep_CALLED, in which each member has its folder.
    """
    submitit = _submitit()
    check_name(called)
    found = members(config, swept, log=console.say)
    made = _made(found)
    select = one_metric(one.plan.select for one in made.values())
    path = sweep.open_sweep(config, swept, name, runs.absolute(), called=called)
    with folder.locked(path), advising(lambda: sweep.how_to_go_on(path)):
        for one in found:
            task = made[one.name].task
            fill_run(path / one.name, one.config, lambda task=task: commands.describe(task, name), what="sweep")
            commands.check_data(path / one.name, task)
        stopped = _train(submitit, path, [path / one.name for one in found], command)
        waiting = [one.name for one in found if not (path / one.name / folder.RESULTS).exists()]
        finished = [one for one in found if one.name not in waiting or one.name in stopped]
        for member, why in stopped.items():
            console.say(f"{member} stopped: {why}")
        if left := [one for one in waiting if one not in stopped]:
            console.say(f"{len(left)} of {len(found)} runs have not finished; the same command gathers them")
        if finished:
            places = rank(finished, path, stopped)
            show_ranking(path, places, name, select)
            if places[0].members:
                point_latest(runs.absolute(), path / places[0].members[0])
    return path


def train_members(paths: list[str], command: str, *, gpu: str | None, is_here: bool) -> dict[str, str]:
    """What a job does: train one after another -> by its folder's name, why a run stopped.

    What another job has finished since, or is at, is left to it: a job that waits is not seen by the command that hands
    its runs over once more.

    Args:
        paths: the folders of the runs.
        command: that they are made by.
        gpu: its own, since without Slurm submitit shows every job the first.
        is_here: whether it runs on the machine that handed it over, whose Ctrl-C is not for it.
    """
    if is_here:
        os.setpgid(0, 0)
    if gpu is not None:
        os.environ["CUDA_VISIBLE_DEVICES"] = gpu  # which is read when a device is first asked for
    set_up_jax(True)
    stopped: dict[str, str] = {}
    for path in paths:
        if (Path(path) / folder.RESULTS).exists():
            continue
        try:
            commands.resume(path, command=command)
        except InUse:
            continue
        except UsageError as error:
            stopped[Path(path).name] = str(error)
    return stopped


def _train(submitit: ModuleType, path: Path, runs: list[Path], command: str) -> dict[str, str]:
    """Hand over those that are neither finished nor under way, and wait -> why each stopped that did."""
    waiting = [run for run in runs if not (run / folder.RESULTS).exists() and _is_free(run)]
    executor = submitit.AutoExecutor(folder=str(path / _JOBS))
    is_here = executor.cluster != "slurm"
    gpus = {} if jax.default_backend() == "cpu" else {"gpus_per_node": 1}
    executor.update_parameters(name="vaex", timeout_min=24 * 60, **gpus)
    num_jobs = min(len(waiting), jax.local_device_count()) if is_here else len(waiting)
    parts = [[str(run) for run in waiting[i::num_jobs]] for i in range(num_jobs)]
    own = _gpus() if is_here and gpus else [None] * num_jobs
    with _without_interrupts() if is_here else contextlib.nullcontext():
        jobs = [
            executor.submit(train_members, part, command, gpu=gpu, is_here=is_here)
            for part, gpu in zip(parts, own, strict=False)
        ]
    where = "on this machine, which has no Slurm" if is_here else "by Slurm"
    console.say(f"{len(waiting)} runs in {len(jobs)} jobs {where}; what they print is in {folder.shown(path / _JOBS)}")
    with signals() as interrupted:
        while not interrupted() and not all(job.done() for job in jobs):
            time.sleep(0.5)
    stopped: dict[str, str] = {}
    for part, job in zip(parts, jobs, strict=True):
        if job.done():
            error = job.exception()
            ended = {Path(run).name: f"its job ended: {' '.join(str(error).split())[:200]}" for run in part}
            unfinished = {one: why for one, why in ended.items() if not (path / one / folder.RESULTS).exists()}
            stopped |= job.result() if error is None else unfinished
    return stopped


@contextlib.contextmanager
def _without_interrupts() -> Iterator[None]:
    """A process that is started within ignores Ctrl-C, as does this one for so long."""
    if threading.current_thread() is not threading.main_thread():  # which alone may handle signals
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _gpus() -> list[str]:
    """The names by which this machine's GPUs are chosen, of those that this process sees."""
    seen = os.environ.get("CUDA_VISIBLE_DEVICES")
    return seen.split(",") if seen else [str(i) for i in range(jax.local_device_count())]


def _made(found: list[Member]) -> dict[str, Setup]:
    """Every member could be trained: what is wrong with one is said before any job is."""
    data: dict[str, Dataset] = {}
    made: dict[str, Setup] = {}
    for one in found:
        of = str(one.config.data)
        made[one.name] = setup(one.config, dataset=data.get(of))
        data[of] = made[one.name].task.dataset
        results.check_selection(made[one.name])
    return made


def _is_free(run: Path) -> bool:
    """Whether no process trains in it."""
    try:
        with folder.locked(run):
            return True
    except InUse:
        return False


def _submitit() -> ModuleType:
    try:
        return importlib.import_module("submitit")
    except ImportError:
        cure = ".venv/bin/pip install submitit"
        raise UsageError(f"--launch=slurm needs submitit, which is not installed: {cure}") from None
