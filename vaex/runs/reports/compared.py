"""Runs that are compared: what is read of each, which differ in their seeds alone, and which are of the same data."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from vaex.config import read_config, told
from vaex.config.preprocess import preprocess
from vaex.data.npz import read_npz
from vaex.evaluate.comparison import Estimate, Scored, difference, over_seeds
from vaex.files import Json
from vaex.runs import folder
from vaex.runs.load import read_columns
from vaex.runs.origin import read_origin
from vaex.runs.page_file import read_results
from vaex.runs.words import short

_OF_DATA = ("data.binarize", "data.condition", "data.missing")  # fields by which scores are of something else
_DRAWN = ("samples", "samples_by_label", "reconstructions", "density")  # of these the first there is
SCORES = ("test_log_likelihood", "test_elbo", "test_log_px_z", "bits_per_dim", "test_accuracy", "active_units")
SCORES += ("mutual_information", "marginal_kl", "total_correlation", "dimension_kl")
SCORES += ("mig", "factor_vae_score", "dci_disentanglement")
BEST = SCORES[:3]  # of these the first that all have decides, the higher the better


class Compared(NamedTuple):
    """A run."""

    folder: str
    experiment: str
    data: tuple[Json, ...]  # what its scores are of
    fields: Mapping[str, str]  # of its config, and its origin, the run that it started from
    made: float  # when, in seconds since 1970
    results: Mapping[str, Json]
    rows: Sequence[Mapping[str, Json]]
    num_steps: int | None
    each: Mapping[str, np.ndarray]
    picture: bytes | None


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

    def estimate(self, score: str) -> Estimate | None:
        """Its mean; None where no run has it."""
        found = self.scored(score)
        return over_seeds(found) if found else None


def read_compared(path: Path) -> Compared:
    """What is compared of a run.

    Raises:
        UsageError: no run folder, or a file of it that cannot be read.
    """
    path = folder.open_run(path)
    folder.check_files(path, folder.METRICS, folder.RESULTS, folder.SCORES)
    folder.check_folders(path, "figures")
    dataset, config = folder.read_dataset(path), read_config(path / folder.CONFIG)
    origin = read_origin(path).get("origin", {"run": "none"})
    fields = {field.path: field.value for field in told(config)} | {"origin": "/".join(Path(origin["run"]).parts[-2:])}
    kind = preprocess(config, read_columns(dataset, path / folder.DATASET))[0].defined_on
    scores, pictures = path / folder.SCORES, [path / "figures" / f"{name}.png" for name in _DRAWN]
    return Compared(
        folder="/".join(path.parts[-2:]),
        experiment=dataset["experiment"],
        data=(dataset["dataset"], tuple(dataset["x_shape"]), dataset["crc32"], kind, *(fields[f] for f in _OF_DATA)),
        fields=fields,
        made=(path / folder.DATASET).stat().st_mtime,
        results=read_results(path),
        rows=folder.read_metrics(path),
        num_steps=dataset.get("num_steps"),
        each=read_npz(scores) if scores.exists() else {},
        picture=next((picture.read_bytes() for picture in pictures if picture.is_file()), None),
    )


def newest_of_seeds(runs: Sequence[Compared]) -> tuple[list[Compared], list[str]]:
    """The runs without those that another repeats, of the same config, origin, data and seed, and what is said of them.

    A finished one stays before an unfinished one, then the newest: of one seed there is no error over seeds.
    """
    best: dict[tuple, Compared] = {}
    for run in sorted(runs, key=lambda run: (bool(run.results), run.made)):
        best[_identity(run)] = run
    kept, said = [], []
    for run in runs:
        if (newest := best[_identity(run)]) is run:
            kept.append(run)
        else:
            said.append(f"{run.folder}, of the same config, origin and seed as {newest.folder}, which is taken")
    return kept, said


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


def names_of(results: Mapping[str, Json]) -> list[str]:
    """The scores that a run has; a bound of K samples is one of its own for each K."""
    has = [name for name in SCORES if type(results.get(name)) in (int, float)]
    return [f"{name}:{results.get('num_samples')}" if name == "test_log_likelihood" else name for name in has]


def scores_of(groups: Sequence[Group]) -> list[str]:
    """Those that any of some groups has, in order."""
    found = {name for group in groups for run in group.runs for name in names_of(run.results)}
    return sorted(found, key=lambda name: (SCORES.index(name.partition(":")[0]), name))


def against_best(groups: Sequence[Group]) -> tuple[str | None, dict[str, Estimate]]:
    """The score that decides, and how far each group is below the best by it; None and {} where they share no score."""
    has = [group for group in groups if any(names_of(run.results) for run in group.runs)]
    shared = [name for name in scores_of(has) if all(group.scored(name) for group in has)]
    score = next((name for name in shared if name.partition(":")[0] in BEST), None)
    if score is None:
        return None, {}
    best = max(has, key=lambda group: over_seeds(group.scored(score)).value)
    ours = best.scored(score)
    found = {group.name: difference(group.scored(score), ours) for group in has if group is not best}
    return score, {best.name: Estimate(0.0, None, "the best"), **found}


def seconds(run: Compared) -> float | None:
    """Of training."""
    return run.results.get("train_seconds") or (run.rows[-1].get("seconds") if run.rows else None)


def _identity(run: Compared) -> tuple:
    return (run.data, run.experiment, *run.fields.items())


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
