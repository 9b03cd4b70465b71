"""Groups of runs that are compared: those that differ in their seeds alone, of each data set, and how far apart."""

from collections.abc import Sequence
from typing import NamedTuple

from vaex.evaluate.comparison import Scored, Uncertain, difference, over_seeds
from vaex.files import Json
from vaex.runs.reports.compared import SCORES, Compared, names_of
from vaex.runs.words import short

BEST = SCORES[:3]  # of these the first that all have decides, the higher the better


class Group(NamedTuple):
    """Runs whose configs differ in the seed alone."""

    name: str
    runs: Sequence[Compared]

    @property
    def unscored(self) -> list[Compared]:
        """The runs that have no score while others of the group have, as of a sweep that was interrupted."""
        without = [run for run in self.runs if not names_of(run.results)]
        return [] if len(without) == len(self.runs) else without

    @property
    def num_scored(self) -> int:
        """How many seeds its scores are of."""
        return len(self.runs) - len(self.unscored)

    def scored(self, score: str) -> list[Scored]:
        """A score of those runs that have it, by its name, of a bound on log p(x) with its K behind it."""
        found = [run for run in self.runs if score in names_of(run.results)]
        return [_scored(run, score.partition(":")[0]) for run in found]

    def estimate(self, score: str) -> Uncertain | None:
        """Its mean; None where no run has it."""
        found = self.scored(score)
        return over_seeds(found) if found else None


def by_data(runs: Sequence[Compared]) -> dict[str, list[Group]]:
    """The groups of each data set, under what that is called."""
    found: dict[tuple, list[Compared]] = {}
    for run in runs:
        found.setdefault(run.data, []).append(run)
    names = [_data_name(data) for data in found]
    unique = [
        name if names.count(name) == 1 else f"{name} ({data[2]:08x})" for name, data in zip(names, found, strict=True)
    ]
    return {name: _groups(some) for name, some in zip(unique, found.values(), strict=True)}


def differing(groups: Sequence[Group]) -> list[str]:
    """The fields in which the configs of groups differ, the seed apart."""
    fields = dict.fromkeys(name for group in groups for name in group.runs[0].fields)
    return [name for name in fields if name != "seed" and len({group.runs[0].fields.get(name) for group in groups}) > 1]


def scores_of(groups: Sequence[Group]) -> list[str]:
    """Those that any of some groups has, in order."""
    found = {name for group in groups for run in group.runs for name in names_of(run.results)}
    return sorted(found, key=lambda name: (SCORES.index(name.partition(":")[0]), name))


def against_best(groups: Sequence[Group]) -> tuple[str | None, dict[str, Uncertain]]:
    """The score that decides, and how far each group is below the best by it; None and {} where they share no score."""
    has = [group for group in groups if any(names_of(run.results) for run in group.runs)]
    shared = [name for name in scores_of(has) if all(group.scored(name) for group in has)]
    score = next((name for name in shared if name.partition(":")[0] in BEST), None)
    if score is None:
        return None, {}
    best = max(has, key=lambda group: over_seeds(group.scored(score)).value)
    ours = best.scored(score)
    found = {group.name: difference(group.scored(score), ours) for group in has if group is not best}
    return score, {best.name: Uncertain(0.0, None, "the best"), **found}


def _scored(run: Compared, name: str) -> Scored:
    seed, error = int(run.fields.get("seed") or 0), run.results.get(f"{name}_standard_error")
    return Scored(seed, run.results[name], error, run.each.get(name), run.results.get("test_checksum"))


def _groups(runs: Sequence[Compared]) -> list[Group]:
    found: dict[tuple, list[Compared]] = {}
    for run in runs:
        config = (run.experiment, *((k, v) for k, v in run.fields.items() if k != "seed"))
        found.setdefault(config, []).append(run)
    groups = [Group(some[0].experiment, some) for some in found.values()]
    named = []
    for group in groups:
        same = [other for other in groups if other.name == group.name]
        fields = differing(same)
        more = [f"{short(f)}={group.runs[0].fields.get(f, '')}" for f in fields[:3]]
        named.append(group._replace(name=", ".join([group.name, *more, *(["..."] if len(fields) > 3 else [])])))
    names = [group.name for group in named]
    is_alone = [names.count(name) == 1 for name in names]
    return [
        group if alone else group._replace(name=f"{group.name}, {group.runs[0].folder}")
        for group, alone in zip(named, is_alone, strict=True)
    ]


def _data_name(data: tuple[Json, ...]) -> str:
    name, _, _, kind, binarize, condition, missing = data
    words = {"binary": f"binarized ({binarize})", "levels": "256 grey levels", "density": "a density", "rows": "rows"}
    more = [f"given {condition}"] * bool(condition) + [f"{missing} missing"] * bool(missing)
    return ", ".join([name, words.get(kind, str(kind)), *more])
