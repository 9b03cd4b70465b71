"""Members of a sweep trained together: one program for all, and for each the folder of a run like any other."""

import functools
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh
from jax.stages import Wrapped
from jaxtyping import Array, PRNGKeyArray
from numpy.typing import ArrayLike

from vaex.config.program import Numbers, Program
from vaex.config.setup import setup
from vaex.config.sweep import Member
from vaex.errors import UsageError
from vaex.evaluate.metrics import Measured
from vaex.files import Fields
from vaex.model import Params
from vaex.runs import checkpoints, folder
from vaex.train import Metrics, TrainState
from vaex.train.loop import Plan, Progress, account
from vaex.train.members import each_member, for_members, only_if, shared, spread


@dataclass
class Run:
    """A member under way."""

    path: Path
    member: Member
    numbers: dict[str, float]  # that the program is given
    write: folder.Show
    progress: Progress
    stopped: str = ""  # why it ended before its time


def train_together(runs: list[Run], program: Program, *, show: folder.Show, interrupted: Callable[[], bool]) -> bool:
    """Train members to their ends, each by itself as `make train` would -> whether it came to that.

    Those that are behind, after a kill between two checkpoints, catch up first.

    Args:
        runs: which differ in their seeds and numbers.
        program: of them all.
        show: told each row of metrics.
        interrupted: whether to stop after this epoch, all of it saved.
    """
    plan = program.made.plan
    if all(plan.is_over(run.progress) for run in runs):
        return True
    mesh = for_members(len(runs))
    padded = runs + [runs[-1]] * (-len(runs) % mesh.size)
    keys = jnp.stack([jax.random.key(run.member.seed) for run in padded])
    numbers = {path: jnp.array([run.numbers[path] for run in padded]) for path in runs[0].numbers}
    own = spread((keys, numbers), mesh)
    images = shared(jnp.asarray(program.made.task.dataset.train.images), mesh)
    epoch_of_all, measure_all = _compiled(program, mesh)
    state = spread(_start(padded, program, own, mesh), mesh)
    everyone = spread(jnp.ones(len(padded), bool), mesh)
    epoch_of_all = epoch_of_all.lower(state, (everyone, *own), (images,)).compile()  # which no epoch's time has in it
    while going := [run for run in runs if not run.stopped and not plan.is_over(run.progress)]:
        start, epoch = time.perf_counter(), min(run.progress.epoch for run in going)
        turn = {i: run for i, run in enumerate(runs) if run in going and run.progress.epoch == epoch}
        active = spread(jnp.array([i in turn for i in range(len(padded))]), mesh)
        state = spread(_refitted(state, turn, program, epoch), mesh)
        state, metrics, first_bad = epoch_of_all(state, (active, *own), (images,))
        metrics, first_bad = jax.device_get((metrics, first_bad))
        epoch_seconds = (time.perf_counter() - start) / len(turn)  # a member's share
        measured = {}
        if plan.is_validated(epoch + 1):
            measured = jax.device_get(measure_all(state.params, (active, *own), ()))
        stop = interrupted()
        host = jax.device_get(state) if measured or stop else None
        seconds = (time.perf_counter() - start) / len(turn)
        for i, run in turn.items():
            mine = {name: values[i] for name, values in metrics.items()}
            validation = {name: values[i].tolist() for name, values in measured.items()}
            try:
                row, selected = _accounted(run, plan, mine, int(first_bad[i]), validation, epoch_seconds, seconds)
            except UsageError as error:
                run.stopped = str(error)
                continue
            if host is not None:
                one = jax.tree.map(lambda a, i=i: a[i], host)
                checkpoints.save(run.path, epoch + 1, one, run.progress._asdict(), selected=selected)
            show(row)
        if stop:
            return False
    return True


def _accounted(
    run: Run, plan: Plan, metrics: Metrics, first_bad: int, validation: Fields, epoch_seconds: float, seconds: float
) -> tuple[Fields, float | None]:
    """The row of an epoch, which is written, and the metric that selects; the run is an epoch further.

    Raises:
        UsageError: its loss, or its validation, is not finite.
    """
    before, last_good = run.progress, functools.partial(folder.last_good, run.path)
    progress, row, selected = account(before, plan, metrics, first_bad, lambda: validation, last_good)
    run.progress = progress._replace(
        epoch_seconds=before.epoch_seconds + epoch_seconds, seconds=before.seconds + seconds
    )
    run.write(row | {"epoch_seconds": epoch_seconds, "seconds": run.progress.seconds})
    return row, selected


def _compiled(program: Program, mesh: Mesh) -> tuple[Wrapped, Callable]:
    """An epoch of all members that are active, and a validation of them."""

    def epoch(
        state: TrainState, active: Array, key: PRNGKeyArray, numbers: Numbers, images: Array
    ) -> tuple[TrainState, Metrics, Array]:
        after, metrics, first_bad = only_if(active, lambda: program.epoch(state, key, numbers, images))
        return jax.tree.map(lambda a, b: jnp.where(active, a, b), after, state), metrics, first_bad

    def measure(params: Params, active: Array, key: PRNGKeyArray, numbers: Numbers) -> Measured:
        return only_if(active, lambda: program.measure(params, key, numbers))

    epoch_of_all, measure_all = each_member(epoch, mesh), each_member(measure, mesh)
    return (
        jax.jit(lambda state, own, images: epoch_of_all((state, *own), images), donate_argnums=0),
        jax.jit(lambda params, own, none: measure_all((params, *own), none)),
    )


def _start(padded: list[Run], program: Program, own: tuple[PRNGKeyArray, Numbers], mesh: Mesh) -> TrainState:
    """Each member's newest checkpoint, or its state before the first step."""
    state = jax.jit(each_member(program.init, mesh))(own, ())
    if all(folder.newest_checkpoint(run.path) is None for run in padded):
        return state
    host = jax.device_get(state)
    abstract = jax.tree.map(lambda a: jax.ShapeDtypeStruct(a.shape[1:], a.dtype), state)
    for i, run in enumerate(padded):
        if folder.newest_checkpoint(run.path) is not None:
            host = _with_row(host, i, checkpoints.restore(run.path, abstract)[0])
    return host


def _refitted(state: TrainState, turn: dict[int, Run], program: Program, epoch: int) -> TrainState:
    """With what starts anew before this epoch, where anything does."""
    refit = program.made.task.description.refit
    if refit is None or refit.after != epoch:
        return state
    host = jax.device_get(state)
    for i, run in turn.items():
        own = setup(run.member.config, dataset=program.made.task.dataset)
        one = jax.tree.map(lambda a, i=i: jnp.asarray(a[i]), host)
        host = _with_row(host, i, own.before_epoch(one, epoch))
    return host


def _with_row(rows: TrainState, i: int, row: TrainState) -> TrainState:
    """Arrays [M, ...], of which the i-th are others."""

    def put(a: ArrayLike, one: ArrayLike) -> np.ndarray:
        changed = np.array(a)
        changed[i] = np.asarray(one)
        return changed

    return jax.tree.map(put, rows, row)
