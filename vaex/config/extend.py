"""The config of a run that goes on: what may change in its midst, and what a longer run means for its schedule."""

from collections.abc import Callable

from vaex.config.override import override
from vaex.config.section import Config
from vaex.errors import UsageError
from vaex.files import Fields

_MAY_CHANGE = ("train.num_epochs", "train.schedule_epochs", "train.eval_every", "train.patience", "train.loggers")


def extend(config: Config, flags: list[str], *, epoch: int, run: str, log: Callable[[str], None] = print) -> Config:
    """The config with flags applied, in the midst of the run that it is of.

    A schedule of the learning rate stays over the epochs that it was over, and is held from there on where the run gets
    longer, so that the epochs done are those that the same run would have made from the start; a flag for
    train.schedule_epochs stretches it.

    Args:
        config: the run's, which stays as it is.
        flags: --config.FIELD=VALUE.
        epoch: epochs done.
        run: its folder, for messages.
        log: told what becomes of the schedule.

    Raises:
        UsageError: a field that may not change; fewer epochs than are done.
    """
    later = override(config, flags, log=log)
    for name in _changed(config.to_dict(), later.to_dict()):
        if name in measured_by(config, config.train.select):
            raise UsageError(
                f"--config.{name} cannot change while a run goes on whose best checkpoint is chosen by what it measures"
                f": make a run that starts from it, with ARGS='--from={run} --config.{name}=...'"
            )
        if name not in _MAY_CHANGE and not name.startswith("evaluate."):
            raise UsageError(
                f"--config.{name} cannot change while a run goes on, only {', '.join(_MAY_CHANGE)} and evaluate's "
                f"fields can: make a run that starts from it, with ARGS='--from={run} --config.{name}=...'"
            )
    c = later.train
    if c.num_epochs < epoch:
        raise UsageError(
            f"--config.train.num_epochs is {c.num_epochs}: expected at least the {epoch} epochs that {run} has"
        )
    over = c.schedule_epochs or config.train.num_epochs
    if c.learning_rate is not None and over != c.num_epochs:
        c.schedule_epochs = over
        after = "held from there on" if over < c.num_epochs else f"cut off after {c.num_epochs}"
        fits = f"--config.train.schedule_epochs={c.num_epochs} fits it to the run"
        log(f"the learning rate's schedule is over {over} epochs, and {after}; {fits}")
    return later


def measured_by(config: Config, select: str | None) -> tuple[str, ...]:
    """The fields of evaluate with whose values a validation metric is another number."""
    samples = ("evaluate.validation_samples",) if select in ("log_likelihood", "effective_sample_size") else ()
    return samples if config.train.weights == "point" else (*samples, "evaluate.weight_draws")


def _changed(before: Fields, after: Fields, path: str = "") -> list[str]:
    """The fields in which two configs differ."""
    found: list[str] = []
    for name in sorted({*before, *after}):
        match before.get(name), after.get(name):
            case dict() as one, dict() as other:
                found += _changed(one, other, f"{path}{name}.")
            case one, other:
                found += [f"{path}{name}"] if one != other else []
    return found
