"""The command that lays runs side by side: a page, and a table in the terminal, as CSV or as LaTeX."""

import glob
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from vaex.errors import UsageError
from vaex.evaluate.reports import standard_error
from vaex.files import Json, expanded, replaced
from vaex.runs import console, folder
from vaex.runs.page.comparison import Side, comparison_page
from vaex.runs.page.curves import Clock, Line, Panels, clock, panels
from vaex.runs.reports.compared import Compared, newest_of_seeds, read_compared
from vaex.runs.reports.compared_groups import Group, by_data, differing
from vaex.runs.reports.compared_tables import as_csv, as_latex, ordered, words_table

_EVERY = ("runs/*/*", "runs/*/*/*")  # runs, and members of sweeps and searches
_NAMED = "name some like runs/EXPERIMENT/TIME or runs/mnist_elbo/*, as --of, or RUNS of make"
_MOST = 1_800_000  # bytes of pictures in a page


def compare(patterns: str, out: Path, *, form: str = "") -> None:
    """Lay runs side by side.

    Args:
        patterns: folders of runs, or patterns of them, split as a shell splits words; "" for all in runs/.
        out: the page that is written.
        form: "csv" or "latex" print that alone; "" prints a table and writes the page.

    Raises:
        UsageError: a pattern that no run folder matches.
    """
    runs, left_out = _read_all(_folders(_words(patterns) or _EVERY))
    runs, repeated = newest_of_seeds(runs)
    left_out += repeated
    left_out += [f"the scores of {run.folder}, which was trained on since: evaluate it" for run in runs if run.is_older]
    tables = {name: ordered(groups) for name, groups in by_data(runs).items()}
    unscored = [run.folder for groups in tables.values() for one in groups for run in one.unscored if not run.is_older]
    left_out += [f"{name}, which has no scores, as other seeds have: evaluate it" for name in unscored]
    if form:
        print({"csv": as_csv, "latex": as_latex}[form](tables), end="")
        return
    for name, groups in tables.items():
        _print(name, *words_table(groups))
    if len(tables) > 1:
        console.say("scores of different data are not compared: each has its own table")
    for said in left_out:
        console.say(f"left out: {said}")
    with replaced(out) as file:
        sides = [_side(name, groups) for name, groups in tables.items()]
        file.write(comparison_page(sides, left_out).encode("utf-8", "replace"))
    console.say(f"page: {folder.shown(out.resolve())}")


def _words(patterns: str) -> list[str]:
    try:
        return shlex.split(patterns)
    except ValueError as error:
        raise UsageError(f"--of, RUNS of make, is {patterns!r}: {error}; quotation marks go in pairs") from None


def _folders(patterns: Sequence[str]) -> list[Path]:
    """The run folders that patterns match, each once; what is named without a pattern need not look like one."""
    found: dict[Path, None] = {}
    for pattern in patterns:
        exact = expanded(pattern)  # its name may have brackets
        named = [exact] if exact.exists() else [Path(name) for name in sorted(glob.glob(str(exact)))]
        matches = [path for path in named if path == exact or (path / folder.CONFIG).exists()]
        if not matches and patterns is not _EVERY:
            raise UsageError(f"no run folder matches {pattern!r}: {_NAMED}")
        found |= dict.fromkeys(path.resolve() for path in matches)
    if not found:
        raise UsageError(f"there is no run in runs/: {_NAMED}")
    return list(found)


def _read_all(paths: Sequence[Path]) -> tuple[list[Compared], list[str]]:
    """The runs that can be read, and what is wrong with the others, if not with all."""
    runs, left_out = [], []
    for path in paths:
        try:
            runs.append(read_compared(path))
        except UsageError as error:
            left_out.append(str(error))
    if not runs:
        raise UsageError("; ".join(left_out))
    return runs, left_out


def _print(name: str, heads: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """As wide as it needs, beyond a narrow terminal too: a number that is folded cannot be read."""
    table = Table(title=Text(name), title_justify="left", box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    table.add_column(Text(heads[0]), overflow="fold", max_width=40)
    for head in heads[1:]:
        table.add_column(Text(head), no_wrap=True, justify="right")
    for row in rows:
        table.add_row(*map(Text, row))
    Console(highlight=False, emoji=False, width=400, soft_wrap=True).print(table)


def _side(name: str, groups: Sequence[Group]) -> Side:
    heads, rows = words_table(groups)
    pictures, room = {}, _MOST
    for group in groups:
        picture = next((run.picture for run in group.runs if run.picture), None)
        if picture is not None and len(picture) <= room:
            pictures[group.name], room = picture, room - len(picture)
    fields = {field: [group.runs[0].fields.get(field, "") for group in groups] for field in differing(groups)}
    clocks, shown = _curves(groups)
    return Side(name, heads, rows, fields, clocks, shown, pictures)


def _curves(groups: Sequence[Group]) -> tuple[list[Clock], Panels]:
    """A panel for each metric, a line in it for each group."""
    clocks: list[Clock] = []
    found: Panels = {}
    for group in groups:
        longest = max(group.runs, key=lambda run: len(run.rows))
        if not longest.rows:
            continue
        clocks.append(clock(longest.rows, longest.num_steps))
        each = [_lines(run.rows) for run in group.runs]
        for title in _lines(longest.rows):
            lines = [one[title] for one in each if title in one]
            found.setdefault(title, []).append(_mean(group.name, len(clocks) - 1, lines, len(longest.rows)))
    first = [title for title in found if title.startswith("ELBO") and "validation" in title]
    return clocks, {title: found[title] for title in [*first, *(title for title in found if title not in first)]}


def _lines(rows: Sequence[Mapping[str, Json]]) -> dict[str, Sequence[float | None]]:
    return {f"{title} ({line.name})": line.y for title, lines in panels(rows).items() for line in lines}


def _mean(name: str, x: int, lines: Sequence[Sequence[float | None]], length: int) -> Line:
    """The mean of runs over the epochs that they have, and a band of one standard error."""
    if len(lines) == 1:
        return Line(name, x, lines[0])
    values = np.full((len(lines), length), np.nan)
    for row, line in zip(values, lines, strict=True):
        row[: len(line)] = [np.nan if value is None else value for value in line]
    found = [column[np.isfinite(column)] for column in values.T]
    means = [float(column.mean()) if len(column) else None for column in found]
    errors = [standard_error(column) or 0.0 for column in found]
    low, high = ([None if m is None else m + s * e for m, e in zip(means, errors, strict=True)] for s in (-1, 1))
    return Line(name, x, means, low, high)
