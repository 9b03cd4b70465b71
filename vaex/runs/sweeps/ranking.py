"""What a sweep has found: its settings by the validation metric, the best first, with the error over seeds."""

import math
import statistics
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from vaex.config.extend import measured_by
from vaex.config.preprocess import defined_on
from vaex.config.section import Config
from vaex.config.sweep import Member
from vaex.errors import UsageError
from vaex.files import Fields, Json
from vaex.runs import console, folder
from vaex.runs.training import newest_progress
from vaex.runs.words import short
from vaex.train.loop import is_minimised

_FIELDS = "name dir num_validation image_size channels columns binarize condition num_previous missing"
_OF_OTHER_DATA = tuple(f"data.{field}" for field in _FIELDS.split())  # by whose values scores are of other images


class Place(NamedTuple):
    """One setting, of all its seeds."""

    setting: dict[str, str]  # what is swept but for the seed
    mean: float  # of the best validation of each seed, the higher the better; nan where no seed has one
    error: float | None  # its standard error; None of a single seed
    members: list[str]  # the folders of those that were validated, the best first
    num_stopped: int
    config: Config  # of one of them


def rank(found: Sequence[Member], path: Path, stopped: Mapping[str, str]) -> list[Place]:
    """The settings of a sweep, the best first; those of which no member was validated are last.

    Args:
        found: the members.
        path: the folder that has theirs.
        stopped: by its name, why a member stopped.
    """
    settings: dict[tuple, list[Member]] = {}
    for member in found:
        setting = {name: value for name, value in member.said.items() if name != "seed"}
        settings.setdefault(tuple(setting.items()), []).append(member)
    places = []
    for setting, own in settings.items():
        going = [one.name for one in own if one.name not in stopped]
        best = {name: value for name in going if (value := best_of(path / name)) is not None}
        values = list(best.values())
        mean = statistics.mean(values) if values else math.nan
        error = statistics.stdev(values) / math.sqrt(len(values)) if len(values) > 1 else None
        names = sorted(best, key=lambda name: -best[name])
        places.append(Place(dict(setting), mean, error, names, sum(one.name in stopped for one in own), own[0].config))
    return sorted(places, key=lambda place: (not place.members, -place.mean))


def show_ranking(path: Path, places: Sequence[Place], name: str, select: str) -> None:
    """Print the table, and write ranking.json and ranking.png."""
    from vaex import figures

    fields = list(places[0].setting)
    sign = -1 if is_minimised(select) else 1
    rows = [_row(place, sign) for place in places]
    folder.write_json(path / "ranking.json", {"experiment": name, "select": select, "settings": rows})
    drawn = [row for row in rows if row["members"]]
    if drawn:
        labels = [", ".join(f"{short(f)}={v}" for f, v in row["setting"].items()) or name for row in drawn]
        figure = figures.ranking(labels, [r["mean"] for r in drawn], [r["error"] or 0.0 for r in drawn], select)
        folder.save_figure(path, "ranking", figures.titled(figure, f"{name}, best validation of each run"))
    header = [*map(short, fields), f"validation {select}", "seeds", "best run"]
    console.ranking(f"{name}, the best first", header, [[*row["setting"].values(), *_shown(row)] for row in rows])
    by = {field for place in places for field in measured_by(place.config, select)}
    if measured := [field for field in fields if field in by]:
        console.say(f"by {', '.join(measured)} {select} is another number: it does not compare across its values")
    if others := [field for field in fields if field in _OF_OTHER_DATA]:
        console.say(f"by {', '.join(others)} validation images are others: {select} does not compare across its values")
    if select == "bound" and (bounds := [field for field in fields if field.startswith("objective.")]):
        cure = "--config.train.select=log_likelihood would"
        console.say(f"by {', '.join(bounds)} bounds are others: they do not compare across its values, {cure}")
    if {"levels", "density"} <= {row["over"] for row in rows}:
        console.say(f"some likelihoods are densities, some probabilities of grey levels: {select} does not compare")
    console.say(f"sweep folder: {folder.shown(path)}")


def _row(place: Place, sign: int) -> Fields:
    """A setting as ranking.json has it, with what its likelihood is defined on."""
    said = {name: value for name, value in place._asdict().items() if name != "config"}
    return said | {"mean": sign * place.mean, "over": defined_on(place.config)}


def one_metric(selects: Iterable[str]) -> str:
    """What all members are ranked by.

    Raises:
        UsageError: they are selected by different metrics, as the bounds of some objectives and the ELBO of others.
    """
    first, *others = sorted(set(selects))
    if others:
        names = " and ".join([first, *others])
        raise UsageError(
            f"members are selected by different validation metrics, {names}, which do not compare: set "
            "--config.train.select=log_likelihood, or another that all of them measure"
        )
    return first


def best_of(path: Path) -> float | None:
    """The best validation of a member, None where it has none."""
    if folder.newest_checkpoint(path) is None:
        return None
    best = newest_progress(path).best
    return best if math.isfinite(best) else None


def _shown(row: Mapping[str, Json]) -> list[str]:
    value = "none" if not row["members"] else f"{row['mean']:.4g}" if abs(row["mean"]) < 1 else f"{row['mean']:.2f}"
    error = "" if row["error"] is None else f" ± {row['error']:.2g}"
    seeds = f"{len(row['members'])}" + (f", and {row['num_stopped']} stopped" if row["num_stopped"] else "")
    return [value + error, seeds, row["members"][0] if row["members"] else ""]
