"""The runs that are reported: the files of docs/results/, and how a run comes to be one of them."""

import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path

from vaex.config import read_config, told
from vaex.errors import UsageError
from vaex.files import Fields, replaced
from vaex.runs import folder
from vaex.runs.experiments import load_experiment
from vaex.runs.reports import tables
from vaex.runs.words import Run, score_line

RESULTS = Path("docs") / "results"
BY_HAND = {
    "family": "the heading that the experiment stands under in docs/experiments.md",
    "command": "what makes the run",
    "score": "the names of the fields that are the score, in order; without it the log-likelihood and the ELBO",
    "published": "what is published beside it, with its source and protocol",
    "note": "a remark that has numbers of the run",
    "num_labels": "how many images had a label, which puts the run in the table of labels",
    "comparisons": "the comparisons that the run is part of",
    "provenance": "where the numbers are from",
    "cores": "how many of the machine's two CPU cores the run had",
    "others": "further runs",
}


def read_runs(root: Path) -> Mapping[str, Run]:
    """The reported run of each experiment, by its name."""
    runs, broken = readable_runs(root)
    refuse(broken)
    return runs


def readable_runs(root: Path) -> tuple[dict[str, Run], list[str]]:
    """The same of those that can be read, and what is wrong with the others."""
    return _read_all(root / RESULTS, _read_run)


def readable_studies(root: Path) -> tuple[dict[str, Run], list[str]]:
    """The same of studies."""
    return _read_all(root / RESULTS / "studies", _read_study)


def refuse(broken: list[str]) -> None:
    """Raise a UsageError of all that is wrong, if anything is."""
    if broken:
        raise UsageError("; ".join(broken))


def keep(run: Path, root: Path) -> Path:
    """Make a run the one that is reported: its results.json, and what stands by hand beside the one before.

    Args:
        run: a run folder, as it comes from `make train EXP=NAME`, without flags.
        root: the folder that holds docs/.

    Returns:
        The file of docs/results, whose tables are then written by `make report`.

    Raises:
        UsageError: the run is of a part of the data set, or of grey pixels, whose scores would mislead beside others;
            or it was made by flags, or from another run, so that its command would not make it again.
    """
    run = folder.open_run(run)
    results = _read(run / folder.RESULTS)
    if "(" in (dataset := str(results.get("dataset", ""))):
        raise UsageError(f"{run} was trained on {dataset}: expected the whole data set, and pixels of the likelihood")
    name = str(results.get("experiment"))
    if not re.fullmatch(r"[\w-]+", name):  # it is a file's name
        raise UsageError(f"{run / 'results.json'}: experiment is {name!r}: expected the name of an experiment")
    _check_plain(run, results, name)
    if (source := Path(str(results.get("source", "")))).is_absolute():  # a machine's own, which is nobody else's
        results["source"] = "/".join(source.parts[-2:])
    path = root / RESULTS / f"{name}.json"
    before = _read(path) if path.is_file() else {}
    defaults = {"family": "", "command": f"make train EXP={name}"}
    kept = defaults | {field: before[field] for field in BY_HAND if field in before}
    others = {"others": kept.pop("others")} if "others" in kept else {}
    kept.pop("provenance", None)
    kept.pop("cores", None)
    with replaced(path) as file:
        file.write((json.dumps(kept | results | others, indent=2, ensure_ascii=False) + "\n").encode())
    return path


def _check_plain(run: Path, results: Fields, name: str) -> None:
    """A run is what the command of its experiment makes."""
    if "origin" in results:
        raise UsageError(f"{run} started from another run: expected one of make train EXP={name}")
    made, plain = (
        {field.path: field.value for field in told(config) if field.path != "data.dir"}
        for config in (read_config(run / folder.CONFIG), load_experiment(name))
    )
    if others := [path for path in made | plain if made.get(path) != plain.get(path)]:
        found = ", ".join(f"{path} {made.get(path)}" for path in others[:3])
        raise UsageError(f"{run} has {found}: expected a run of make train EXP={name}, without flags")


def _read_all(below: Path, read: Callable[[Path], Run]) -> tuple[dict[str, Run], list[str]]:
    """What can be read of a folder's JSON files, and what is wrong with the others."""
    found, broken = {}, []
    for path in sorted(below.glob("*.json")):
        try:
            found[path.stem] = read(path)
        except UsageError as error:
            broken.append(str(error))
    return found, broken


def _read_run(path: Path) -> Run:
    run, shown = _read(path), RESULTS / path.name
    for field in ("family", "command"):
        if field not in run:
            raise UsageError(f"{shown} has no {field!r}: add {BY_HAND[field]}")
    if run.get("experiment") != path.stem:
        raise UsageError(f"{shown} is of {run.get('experiment')!r}: expected {path.stem!r}")
    try:
        for one in (run, *run.get("others", ())):
            tables.experiments_table({path.stem: one}, {path.stem: score_line(one)})
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise UsageError(f"{shown} has a field that no results.json has so: {type(error).__name__}, {error}") from None
    return run


def _read_study(path: Path) -> Run:
    study = _read(path)
    try:
        tables.studies_table({path.stem: study})
    except (KeyError, TypeError, AttributeError) as error:
        raise UsageError(f"{path} has a field that no study has so: {type(error).__name__}, {error}") from None
    return study


def _read(path: Path) -> Fields:
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, json.JSONDecodeError, RecursionError) as error:
        raise UsageError(f"{path}: not a readable JSON file ({error})") from None
    if type(value) is not dict:
        raise UsageError(f"{path}: not a readable JSON file (expected an object, found a {type(value).__name__})")
    return value
