"""The tables of README and docs, and the score lines of the experiments, from the numbers in docs/results/.

docs/results/EXPERIMENT.json is the results.json of the run that is reported, and beside it what is written by hand
(`BY_HAND`): the command, the family, what is published, and so on. `others` is a list of further runs of the
experiment, each of the same form. docs/results/studies/NAME.json has rows of what was found and what is exact.

A Markdown file has a table where it says so, and what lies between the two marks is written by `make report`:

    <!-- report: family Objectives -->
    <!-- /report -->
"""

import ast
import json
import re
import textwrap
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from vaex.errors import UsageError
from vaex.files import advising, replaced
from vaex.runs import tables
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
_REGION = re.compile(r"(<!-- report: ([^>]+?) -->\n)(.*?)(<!-- /report -->)", re.DOTALL)
_DOCSTRING = re.compile(
    r'(?P<before>"""[^\n]+\n\nmake train EXP=[^\n]+\n)'
    r'(?P<score>\n(?:[\d.,]+ s of training|Measured: )[^\n]+\n(?:(?!""")[^\n]+\n)*)?'
)


def write_report(root: Path) -> list[Path]:
    """Write the tables of README and docs, and the experiments' score lines -> the files that changed.

    Args:
        root: the folder that holds README.md, docs/ and experiments/.

    Raises:
        UsageError: a file of docs/results that is not of the form above, or a table that there is none of.
    """
    changed = {path: text for path, text in report(root).items() if path.read_text(encoding="utf-8") != text}
    with advising(lambda: "every file is whole, before or after: make room there, then make report"):
        for path, text in changed.items():
            with replaced(path) as file:
                file.write(text.encode())
    return list(changed)


def report(root: Path) -> dict[Path, str]:
    """Every file that has a table or a score line, and what it should say."""
    runs, studies = read_runs(root), read_studies(root)
    sources = {name: root / "experiments" / f"{name}.py" for name in runs}
    for name, path in sources.items():
        if not path.is_file():
            raise UsageError(f"{RESULTS / name}.json is of no experiment: expected {path}")
    about = {name: _about(path) for name, path in sources.items()}
    pages = [root / "README.md", *sorted((root / "docs").glob("*.md"))]
    texts = {path: fill(path.read_text(encoding="utf-8"), runs, studies, about) for path in pages}
    for name, path in sources.items():
        texts[path] = with_score_line(path.read_text(encoding="utf-8"), score_line(runs[name]))
    return texts


def read_runs(root: Path) -> Mapping[str, Run]:
    """The reported run of each experiment, by its name."""
    runs = {path.stem: _read(path) for path in sorted((root / RESULTS).glob("*.json"))}
    for name, run in runs.items():
        for field in ("family", "command"):
            if field not in run:
                raise UsageError(f"{RESULTS / name}.json has no {field!r}: add {BY_HAND[field]}")
        if run.get("experiment") != name:
            raise UsageError(f"{RESULTS / name}.json is of {run.get('experiment')!r}: expected {name!r}")
    return runs


def read_studies(root: Path) -> Mapping[str, Run]:
    """What each study found, by its name."""
    return {path.stem: _read(path) for path in sorted((root / RESULTS / "studies").glob("*.json"))}


def keep(run: Path, root: Path) -> Path:
    """Make a run the one that is reported: its results.json, and what stands by hand beside the one before.

    Args:
        run: a run folder, as it comes from `make train EXP=NAME`, without flags.
        root: the folder that holds docs/.

    Returns:
        The file of docs/results, whose tables are then written by `make report`.

    Raises:
        UsageError: the run is of a part of the data set, or of grey pixels, whose scores would mislead beside others.
    """
    results = _read(run / "results.json")
    if "(" in (dataset := results.get("dataset", "")):
        raise UsageError(f"{run} was trained on {dataset}: expected the whole data set, and pixels of the likelihood")
    name = results["experiment"]
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
        "others": lambda _: tables.others_table(runs),
        "studies": lambda _: tables.studies_table(studies),
    }

    def write(match: re.Match[str]) -> str:
        table, _, argument = " ".join(match[2].split()).partition(" ")
        if table not in known:
            raise UsageError(f"there is no table {table!r}: expected one of {', '.join(known)}")
        return f"{match[1]}{known[table](argument)}\n{match[4]}"

    return _REGION.sub(write, text)


def with_score_line(source: str, line: str) -> str:
    """An experiment's source with its score line, the paragraph after its command, in place of the one before.

    Raises:
        UsageError: the docstring does not start with a line, an empty one and `make train EXP=...`.
    """
    match = _DOCSTRING.match(source)
    if match is None:
        raise UsageError(
            f"the docstring {source.splitlines()[0]!r} has no place for its score: after its first line it needs an "
            "empty one and `make train EXP=NAME`"
        )
    return f"{match['before']}\n{textwrap.fill(line, 120, break_long_words=False)}\n{source[match.end() :]}"


def _read(path: Path) -> dict[str, Any]:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, json.JSONDecodeError) as error:
        raise UsageError(f"{path}: not a readable JSON file ({error})") from None


def _about(path: Path) -> str:
    """The first line of a file's docstring."""
    return (ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or "").split("\n")[0]
