"""The tables of README and docs, and the score lines of the experiments, from the numbers in docs/results/.

docs/results/EXPERIMENT.json is the results.json of the run that is reported, and beside it what is written by hand
(`kept.BY_HAND`): the command, the family, what is published, and so on. `others` is a list of further runs of the
experiment, each of the same form. docs/results/studies/NAME.json has rows of what was found and what is exact.

A Markdown file has a table where it says so, and what lies between the two marks is written by `make report`:

    <!-- report: family Objectives -->
    <!-- /report -->
"""

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from vaex.errors import UsageError
from vaex.files import advising, replaced
from vaex.runs.docstrings import about, with_score_line
from vaex.runs.reports import tables
from vaex.runs.reports.kept import RESULTS, readable_runs, readable_studies, refuse
from vaex.runs.words import Run, score_line

_REGION = re.compile(r"(<!-- report: ([^>]+?) -->\n)(.*?)(<!-- /report -->)", re.DOTALL)


def write_report(root: Path) -> list[Path]:
    """Write the tables of README and docs, and the experiments' score lines -> the files that changed.

    Args:
        root: the folder that holds README.md, docs/ and experiments/.

    Raises:
        UsageError: files of docs/results that are not of the form above, or tables that there are none of, each of them
            named; the others are reported.
    """
    texts, broken = _report(root)
    changed = {path: text for path, text in texts.items() if path.read_text(encoding="utf-8") != text}
    with advising(lambda: "every file is whole, before or after: make room there, then make report"):
        for path, text in changed.items():
            with replaced(path) as file:
                file.write(text.encode())
    refuse(broken)
    return list(changed)


def report(root: Path) -> dict[Path, str]:
    """Every file that has a table or a score line, and what it should say."""
    texts, broken = _report(root)
    refuse(broken)
    return texts


def fill(text: str, runs: Mapping[str, Run], studies: Mapping[str, Run], about: Mapping[str, str]) -> str:
    """A page with its tables written.

    Args:
        text: the page.
        runs: the reported run of each experiment.
        studies: what each study found.
        about: the first line of each experiment's docstring.

    Raises:
        UsageError: the page asks for a table that there is none of.
    """

    def experiments(names: Sequence[str]) -> str:
        if unknown := [name for name in names if name not in runs]:
            raise UsageError(f"a table asks for {', '.join(unknown)}: not in {RESULTS}")
        return tables.experiments_table({name: runs[name] for name in names}, about)

    def comparison(base: str, name: str = "") -> str:
        return tables.comparison_table(base, name, runs)

    known: dict[str, Callable[[str], str]] = {
        "experiments": lambda names: experiments(names.split()),
        "family": lambda family: tables.family_table(family, runs, about),
        "comparison": lambda argument: comparison(*argument.split(" ", 1)),
        "labels": lambda _: tables.labels_table(runs),
        "factors": lambda _: tables.factors_table(runs),
        "enlargements": lambda _: tables.enlargements_table(runs),
        "others": lambda _: tables.others_table(runs),
        "studies": lambda _: tables.studies_table(studies),
    }

    def write(match: re.Match[str]) -> str:
        table, _, argument = " ".join(match[2].split()).partition(" ")
        if table not in known:
            raise UsageError(f"there is no table {table!r}: expected one of {', '.join(known)}")
        return f"{match[1]}{known[table](argument)}\n{match[4]}"

    return _REGION.sub(write, text)


def _report(root: Path) -> tuple[dict[Path, str], list[str]]:
    """What every file should say of the runs that can be read, and what is wrong with the others."""
    (runs, broken), (studies, broken_studies) = readable_runs(root), readable_studies(root)
    broken += broken_studies
    sources = {root / "experiments" / f"{name}.py": name for name in runs}
    for path in [path for path in sources if not path.is_file()]:
        name = sources.pop(path)
        broken.append(f"{RESULTS / name}.json is of no experiment: expected {path}")
        del runs[name]
    abouts = {name: about(path) for path, name in sources.items()}
    texts = {}
    for path in [root / "README.md", *sorted((root / "docs").glob("*.md")), *sources]:
        text = path.read_text(encoding="utf-8")
        try:
            is_page = path not in sources
            line = "" if is_page else score_line(runs[sources[path]])
            texts[path] = fill(text, runs, studies, abouts) if is_page else with_score_line(text, line)
        except UsageError as error:
            broken.append(str(error))
    return texts, broken
