"""The training loop: epochs, validations, checkpoints, and a clean end whatever ends it."""

import contextlib
import functools
import math
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from types import FrameType
from typing import NamedTuple

import jax
from jaxtyping import Array

from vaex.errors import UsageError
from vaex.files import Fields, Json
from vaex.model import Params
from vaex.train.step import Metrics, TrainState

_FEW_STEPS = 10  # after which an option that no training survives has shown
_LATER = "lower optimizer.learning_rate, or look for extreme data"
_SOON = f"{_LATER} and extreme options of the optimizer, the model and the objective"
_AT_ONCE = "no step was made before it: look for extreme data and extreme options of the model and the objective"


class Progress(NamedTuple):
    """How far a run is; saved in each checkpoint."""

    epoch: int = 0
    best: float = -math.inf  # of the metric that selects, over the validations so far
    stale: int = 0  # validations since the best
    seconds: float = 0.0  # of training, validations and checkpoints included
    epoch_seconds: float = 0.0  # of the epochs alone


class Plan(NamedTuple):
    """When a run is validated, and when it ends."""

    num_epochs: int
    num_steps: int  # in an epoch
    eval_every: int  # epochs
    patience: int  # validations without a better one before an early stop; 0: never
    select: str  # the metric that is to rise, or to fall where its name has loss or error in it

    def is_over(self, progress: Progress) -> bool:
        """Whether a run ends here."""
        return progress.epoch >= self.num_epochs or bool(self.patience and progress.stale >= self.patience)

    def is_validated(self, epoch: int) -> bool:
        """Whether there is a validation after so many epochs."""
        return epoch % self.eval_every == 0 or epoch == self.num_epochs


class Loop(NamedTuple):
    """What the loop does at each turn."""

    run_epoch: Callable[[TrainState, int], tuple[TrainState, Metrics, Array]]  # (state, epochs done)
    validate: Callable[[Params], Fields]  # params -> metrics by their names
    save: Callable[[TrainState, Progress, float | None], None]
    log: Callable[[Fields], None]
    draw: Callable[[Fields], None]  # what can be drawn again, once what cannot is saved
    last_good: Callable[[], str]  # where the newest checkpoint lies, for an error
    is_over_for_all: Callable[[bool], bool] = lambda stop: stop  # whether any host was told to stop


def fit(state: TrainState, progress: Progress, loop: Loop, plan: Plan) -> tuple[TrainState, Progress, str]:
    """Train to the end, to an early stop, or to a signal.

    Args:
        state: where to start from.
        progress: how far that is.
        loop: what to do at each turn.
        plan: when to validate, and when to end.

    Returns:
        The last state, the progress, and how it ended: "finished", "stopped early" or "interrupted".

    Raises:
        UsageError: the loss or the metric that selects is no longer finite, or no such metric is measured.
    """
    with signals() as interrupted:
        while not plan.is_over(progress):
            start = time.perf_counter()
            state, metrics, first_bad = jax.block_until_ready(loop.run_epoch(state, progress.epoch))
            epoch_seconds = time.perf_counter() - start
            validate = functools.partial(loop.validate, state.params)
            before = progress.seconds
            progress, row, selected = account(progress, plan, metrics, int(first_bad), validate, loop.last_good)
            progress = progress._replace(
                epoch_seconds=progress.epoch_seconds + epoch_seconds, seconds=before + time.perf_counter() - start
            )
            times = {"epoch_seconds": epoch_seconds, "seconds": progress.seconds}
            loop.log(row | times)  # first: a checkpoint without its row could not be mended
            stop = loop.is_over_for_all(interrupted())
            if selected is not None or stop:
                loop.save(state, progress, selected)
                progress = progress._replace(seconds=before + time.perf_counter() - start)
            loop.draw(row)
            if stop:
                return state, progress, "interrupted"
    return state, progress, "finished" if progress.epoch >= plan.num_epochs else "stopped early"


def account(
    progress: Progress,
    plan: Plan,
    metrics: Mapping[str, Json],
    first_bad: int,
    validate: Callable[[], Fields],
    last_good: Callable[[], str],
) -> tuple[Progress, Fields, float | None]:
    """What an epoch has come to.

    Args:
        progress: before it.
        plan: when there is a validation.
        metrics: the epoch's.
        first_bad: its first step whose loss was not finite, -1 if none.
        validate: gives the metrics of a validation, which is asked for where it is due.
        last_good: where the newest checkpoint lies, for an error.

    Returns:
        The progress after it but for its times, its row of metrics, and where there was a validation the metric that
        selects, the higher the better.

    Raises:
        UsageError: as fit.
    """
    epoch = progress.epoch + 1
    steps = f"steps {progress.epoch * plan.num_steps + 1} to {epoch * plan.num_steps}, epoch {epoch}"
    if first_bad >= 0:
        cure = _AT_ONCE if first_bad == 0 else _SOON if first_bad < _FEW_STEPS else _LATER
        raise _not_finite(f"the loss became non-finite at step {first_bad + 1} ({steps})", last_good, cure)
    row = {"epoch": epoch, **{name: float(value) for name, value in metrics.items()}}
    progress = progress._replace(epoch=epoch)
    if not plan.is_validated(epoch):
        return progress, row, None
    validation = validate()
    selected = _selected(validation, plan.select)
    if not math.isfinite(selected):
        raise _not_finite(f"the validation {plan.select} became non-finite ({steps})", last_good)
    row |= {f"validation_{name}": value for name, value in validation.items()}
    stale = 0 if selected > progress.best else progress.stale + 1
    return progress._replace(best=max(selected, progress.best), stale=stale), row, selected


def _selected(validation: Fields, select: str) -> float:
    """The metric that selects, the higher the better.

    Raises:
        UsageError: it is not measured, or is a list.
    """
    numbers = [name for name, value in validation.items() if type(value) is not list]
    if select not in numbers:
        raise UsageError(f"train.select is {select!r}: expected one of {', '.join(numbers)}")
    return -validation[select] if is_minimised(select) else validation[select]


def is_minimised(metric: str) -> bool:
    """Whether less of a metric is better, which its name tells."""
    return "loss" in metric or "error" in metric


def _not_finite(what: str, last_good: Callable[[], str], cure: str = _LATER) -> UsageError:
    return UsageError(f"{what}; {last_good()}; {cure}")


@contextlib.contextmanager
def signals() -> Iterator[Callable[[], bool]]:
    """Note SIGTERM and Ctrl-C instead of dying of them; a second one is not held back."""
    caught: list[int] = []
    before = {}
    if threading.current_thread() is not threading.main_thread():  # which alone may handle signals
        yield lambda: False
        return

    def note(number: int, frame: FrameType | None) -> None:
        if number in caught:
            signal.signal(number, before[number])
            signal.raise_signal(number)
        caught.append(number)

    for number in (signal.SIGTERM, signal.SIGINT):
        before[number] = signal.getsignal(number)
        signal.signal(number, note)
    try:
        yield lambda: bool(caught)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
