"""A search: optuna asks for values within ranges, a generation at a time, each of which is trained as a sweep is."""

import importlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from vaex.config import Config
from vaex.config.fields import checksum_of
from vaex.config.groups import groups
from vaex.config.search import Space, read_space, said_of
from vaex.config.sweep import Member, describe_sweep, member
from vaex.errors import UsageError, check_whole
from vaex.files import advising, writing
from vaex.runs import console, folder
from vaex.runs.create import check_name, point_latest
from vaex.runs.sweeps import sweep
from vaex.runs.sweeps.journal import JOURNAL, open_journal
from vaex.runs.sweeps.ranking import best_of, one_metric, rank, show_ranking

if TYPE_CHECKING:
    from optuna import Study
    from optuna.trial import BaseTrial

GENERATION = 8  # members that are asked for together


def search(
    config: Config,
    swept: Mapping[str, str],
    name: str,
    runs: Path,
    *,
    num_trials: int,
    called: str | None = None,
    command: str = "",
) -> Path:
    """Train members whose values optuna's TPE chooses by the validation metric of those before, then score the best.

    The same command carries it on: trials that were under way go on from their checkpoints; what is asked for after
    them is not what it would have been, since the sampler starts anew. With more trials it goes on as well.

    Args:
        config: what all have in common.
        swept: by each field its range, "1e-4:1e-1", or its choices, "elbo,stl".
        name: of the experiment.
        runs: where run folders are made.
        num_trials: how many members.
        called: what the search is called.
        command: that it is made by, which each member's folder keeps.

    Returns:
        runs/NAME/search_CALLED, in which each member has its folder.

    Source: Bergstra et al. 2011; Akiba et al. 2019.
    """
    optuna = _optuna()
    check_name(called)
    check_whole(**{"--search": num_trials})
    space = {path: read_space(config, path, text) for path, text in swept.items()}
    path = sweep.open_sweep(config, swept, name, runs, called=called, kind="search")
    with folder.locked(path), advising(lambda: sweep.how_to_go_on(path)):
        study = _study(optuna, path, checksum_of(describe_sweep(config, swept, name)))
        found, stopped = _before(optuna, study, config, space)
        if gone := [one for one in found.values() if one.name not in stopped and best_of(path / one.name) is None]:
            console.say(f"{len(gone)} of {len(found)} runs have no folder or no checkpoint left, and are trained again")
            together = groups(gone)
            sweep.check_groups(together)
            if (ended := sweep.train_all(path, together, name, command=command)) is None:
                return path
            stopped |= ended
        select = ""
        while trials := _next_generation(optuna, study, space, num_trials):
            asked = {trial.number: member(config, said_of(trial.params)) for trial in trials}
            together = groups(list({one.name: one for one in asked.values()}.values()))
            now = sweep.check_groups(together)
            select = one_metric([select or now, now])
            console.say(f"trials {min(asked) + 1} to {max(asked) + 1} of {num_trials}; folder {folder.shown(path)}")
            ended = sweep.train_all(path, together, name, command=command)
            if ended is None:
                return path
            stopped |= ended
            for number, one in asked.items():
                found[one.name] = one
                value = None if one.name in stopped else best_of(path / one.name)
                state = optuna.trial.TrialState.FAIL if value is None else optuna.trial.TrialState.COMPLETE
                with writing(path / JOURNAL):
                    study.tell(number, value, state=state)
        places = rank(list(found.values()), path, stopped)
        if places and places[0].members:
            best = found[places[0].members[0]]
            (group,) = groups([best])
            sweep.evaluate(path, group, [best])
            point_latest(runs, path / best.name)
            select = select or group.program.made.plan.select
        show_ranking(path, places, name, select)
    return path.resolve()


def _optuna() -> ModuleType:
    try:
        optuna = importlib.import_module("optuna")
    except ImportError:
        raise UsageError("--search needs optuna, which is not installed: .venv/bin/pip install optuna") from None
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return optuna


def _study(optuna: ModuleType, path: Path, seed: int) -> "Study":
    import warnings

    warnings.filterwarnings("ignore", category=optuna.exceptions.ExperimentalWarning)
    storage = open_journal(optuna, path)
    with writing(path / JOURNAL):
        sampler = optuna.samplers.TPESampler(constant_liar=True, seed=seed)
        return optuna.create_study(
            storage=storage, sampler=sampler, study_name="search", direction="maximize", load_if_exists=True
        )


def _before(
    optuna: ModuleType, study: "Study", config: Config, space: Mapping[str, Space]
) -> tuple[dict[str, Member], dict[str, str]]:
    """The members that earlier commands have finished, by name, and why each stopped that did."""
    found: dict[str, Member] = {}
    stopped: dict[str, str] = {}
    for trial in study.trials:
        if trial.state.is_finished() and set(trial.params) == set(space):
            one = member(config, said_of(trial.params))
            found[one.name] = one
            if trial.state == optuna.trial.TrialState.FAIL:
                stopped[one.name] = "it stopped before"
    return found, stopped


def _next_generation(
    optuna: ModuleType, study: "Study", space: Mapping[str, Space], num_trials: int
) -> "Sequence[BaseTrial]":
    """Trials that a process which is gone left under way, else new ones; [] where all are done."""
    running = optuna.trial.TrialState.RUNNING
    left = [trial for trial in study.trials if trial.state == running]
    for trial in left:
        if set(trial.params) != set(space):  # killed while it was asked for
            study.tell(trial.number, state=optuna.trial.TrialState.FAIL)
    if whole := [trial for trial in left if set(trial.params) == set(space)]:
        return whole
    missing = num_trials - sum(set(trial.params) == set(space) for trial in study.trials)
    trials = [study.ask() for _ in range(max(0, min(GENERATION, missing)))]
    for trial in trials:
        for path, values in space.items():
            values.suggest(trial, path)
    return trials
