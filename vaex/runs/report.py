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
import statistics
import textwrap
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from vaex.errors import UsageError

Run = Mapping[str, Any]  # a results.json, with what is written by hand

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
_SCORE = ("test_log_likelihood", "test_elbo")
_SHOWN: dict[str, str] = {  # how a field is shown; any other by its name
    "test_elbo": "ELBO {:.2f} nats",
    "validation_elbo": "validation ELBO {:.2f} nats",
    "bits_per_dim": "{:.4g} bits per dimension by the ELBO",
    "test_accuracy": "{:.1%} of test labels",
    "test_accuracy_standard_error": "standard error {:.1%}",
    "clustering_accuracy": "{:.1%} of test labels by the best match of clusters and classes",
    "clusters_used": "{:.0f} clusters in use",
    "codebook_use": "{:.0%} of the codes in use",
    "code_perplexity": "with a perplexity of {:.1f}",
    "imputation_rmse": "RMSE of imputation {:.3f}",
    "imputation_rmse_nearest_neighbours": "of nearest neighbours' {:.3f}",
    "imputation_rmse_training_mean": "of the mean's {:.3f}",
    "log_likelihood_of_bicubic": "of a Gaussian around bicubic interpolation {:.2f} nats",
    "psnr_of_the_mean_completion": "PSNR of the mean of 50 completions {:.2f} dB",
    "psnr_of_a_completion": "of one {:.2f} dB",
    "psnr_of_bicubic": "of bicubic interpolation {:.2f} dB",
    "test_log_px_z": "log p(x|z) = {:.2f} nats at z = encode(x)",
    "test_squared_error": "squared error {:.2f}",
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
    for path, text in changed.items():
        path.write_text(text, encoding="utf-8")
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


def read_runs(root: Path) -> dict[str, Run]:
    """The reported run of each experiment, by its name."""
    runs = {path.stem: _read(path) for path in sorted((root / RESULTS).glob("*.json"))}
    for name, run in runs.items():
        for field in ("family", "command"):
            if field not in run:
                raise UsageError(f"{RESULTS / name}.json has no {field!r}: add {BY_HAND[field]}")
        if run.get("experiment") != name:
            raise UsageError(f"{RESULTS / name}.json is of {run.get('experiment')!r}: expected {name!r}")
    return runs


def read_studies(root: Path) -> dict[str, Run]:
    """What each study found, by its name."""
    return {path.stem: _read(path) for path in sorted((root / RESULTS / "studies").glob("*.json"))}


def keep(run: Path, root: Path) -> Path:
    """Make a run the one that is reported: its results.json, and what stands by hand beside the one before.

    Args:
        run: a run folder, as it comes from `make train EXP=NAME`, without flags.
        root: the folder that holds docs/.

    Returns:
        The file of docs/results, whose tables are then written by `make report`.
    """
    results = _read(run / "results.json")
    name = results["experiment"]
    path = root / RESULTS / f"{name}.json"
    before = _read(path) if path.is_file() else {}
    defaults = {"family": "", "command": f"make train EXP={name}"}
    kept = defaults | {field: before[field] for field in BY_HAND if field in before}
    others = {"others": kept.pop("others")} if "others" in kept else {}
    kept.pop("provenance", None)
    kept.pop("cores", None)
    path.write_text(json.dumps(kept | results | others, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
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
        return experiments_table({name: runs[name] for name in names}, about)

    tables: dict[str, Callable[[str], str]] = {
        "experiments": lambda names: experiments(names.split()),
        "family": lambda family: family_table(family, runs, about),
        "comparison": lambda argument: comparison_table(*argument.partition(" ")[::2], runs),
        "labels": lambda _: labels_table(runs),
        "others": lambda _: others_table(runs),
        "studies": lambda _: studies_table(studies),
    }

    def write(match: re.Match[str]) -> str:
        kind, _, argument = " ".join(match[2].split()).partition(" ")
        if kind not in tables:
            raise UsageError(f"there is no table {kind!r}: expected one of {', '.join(tables)}")
        return f"{match[1]}{tables[kind](argument)}\n{match[4]}"

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


def score_line(run: Run) -> str:
    """One sentence: training time, scores, and active units."""
    active = f", active units {_active(run)}" if _active(run) else ""
    found = f"{score(run)}{active}."
    if "train_seconds" not in run:
        return f"Measured: {found}"
    evaluation = f" and {run['evaluate_seconds']:.0f} s of evaluation" if "evaluate_seconds" in run else ""
    return f"{run['train_seconds']:,.0f} s of training{_machine(run)}{evaluation}; {found}"


def score(run: Run) -> str:
    """The scores of a run, in words."""
    return ", ".join(_shown(run, field) for field in run.get("score", _SCORE) if field in run)


def experiments_table(runs: Mapping[str, Run], about: Mapping[str, str]) -> str:
    """A row for each experiment: its command, what it is, and its score."""
    rows = [
        [f"`{run['command']}`", about[name].removesuffix("."), _training(run), score(run), _active(run)]
        for name, run in runs.items()
    ]
    return _table(["command", "what it is", "training", "test score", "active units"], rows)


def family_table(family: str, runs: Mapping[str, Run], about: Mapping[str, str]) -> str:
    """A row for each experiment of a family, with what is published beside it, and the notes below."""
    own = {name: run for name, run in runs.items() if run["family"] == family}
    if not own:
        known = ", ".join(sorted({run["family"] for run in runs.values()}))
        raise UsageError(f"there is no family {family!r}: expected one of {known}")
    rows = [
        [
            f"`{run['command']}`",
            about[name].removesuffix("."),
            _training(run),
            score(run),
            _active(run),
            run.get("published", ""),
        ]
        for name, run in own.items()
    ]
    table = _table(["command", "what it is", "training", "test score", "active units", "published"], rows)
    return "\n".join([table, *_notes(own)])


def comparison_table(base: str, comparison: str, runs: Mapping[str, Run]) -> str:
    """A row for each experiment of a comparison: its seeds, their mean, and how much better it is than the base's."""
    found = {
        name: sorted(own, key=lambda run: run["seed"])
        for name, main in runs.items()
        if (own := [run for run in _all(main) if comparison in run.get("comparisons", ())])
    }
    if base not in found:
        raise UsageError(f"no run of {base!r} in {RESULTS} is of the comparison {comparison!r}")
    means = {name: statistics.mean(run["test_log_likelihood"] for run in own) for name, own in found.items()}
    rows = []
    for name in [base, *(name for name in found if name != base)]:
        own = found[name]
        elbos = [f"{run['test_elbo']:.2f}" if "test_elbo" in run else "?" for run in own]
        rows.append(
            [
                f"`{own[0]['command']}`",
                f"{own[0]['num_epochs']:,}",
                ", ".join(str(run["seed"]) for run in own),
                ", ".join(elbos),
                ", ".join(f"{run['test_log_likelihood']:.2f}" for run in own),
                f"{means[name]:.2f}",
                "" if name == base else f"{means[name] - means[base]:+.2f}",
            ]
        )
    samples = found[base][0]["num_samples"]
    head = ["command", "epochs", "seeds", "ELBO", f"L_{samples}", f"mean of L_{samples}", f"to `{base}`"]
    return _table(head, rows)


def labels_table(runs: Mapping[str, Run]) -> str:
    """A row for each experiment and number of labels: the accuracy of each seed, and the mean of three and more."""
    rows = []
    for run in runs.values():
        labelled = [one for one in _all(run) if "num_labels" in one]
        for count in sorted({one["num_labels"] for one in labelled}):
            own = sorted((one for one in labelled if one["num_labels"] == count), key=lambda one: one["seed"])
            found = [one["test_accuracy"] for one in own]
            error = statistics.stdev(found) / len(found) ** 0.5 if len(found) > 2 else None
            rows.append(
                [
                    f"`{own[0]['command']}`",
                    f"{count:,}",
                    ", ".join(str(one["seed"]) for one in own),
                    ", ".join(f"{accuracy:.1%}" for accuracy in found),
                    "" if error is None else f"{statistics.mean(found):.1%} ± {error:.1%}",
                    own[0].get("published", ""),
                ]
            )
    return _table(["command", "labels", "seeds", "accuracy on the test set", "mean", "published"], rows)


def others_table(runs: Mapping[str, Run]) -> str:
    """A row for each further run that is in no comparison and not in the table of labels."""
    rest = [
        run
        for main in runs.values()
        for run in main.get("others", ())
        if "num_labels" not in run and not run.get("comparisons")
    ]
    rows = [[f"`{run['command']}`", _training(run), score(run), run.get("note", "")] for run in rest]
    return _table(["command", "training", "score", "what it is"], rows)


def studies_table(studies: Mapping[str, Run]) -> str:
    """A row for each number of each study, with the exact one beside it."""
    rows = [
        [f"`{study['command']}`" if i == 0 else "", row["what"], str(row["found"]), str(row.get("exact", ""))]
        for study in studies.values()
        for i, row in enumerate(study["rows"])
    ]
    return "\n".join([_table(["command", "what", "found", "exact"], rows), *_notes(studies)])


def _read(path: Path) -> dict[str, Any]:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, json.JSONDecodeError) as error:
        raise UsageError(f"{path}: not a readable JSON file ({error})") from None


def _about(path: Path) -> str:
    """The first line of a file's docstring."""
    return (ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or "").split("\n")[0]


def _all(run: Run) -> list[Run]:
    """The reported run of an experiment, and the others."""
    return [run, *run.get("others", ())]


def _notes(runs: Mapping[str, Run]) -> list[str]:
    """The lines below a table: what there is to say about a run."""
    noted = [f"- `{name}`: {run['note']}" for name, run in runs.items() if "note" in run]
    return ["", *(textwrap.fill(note, 120, subsequent_indent="  ") for note in noted)] if noted else []


def _shown(run: Run, field: str) -> str:
    """A field's value in words."""
    if field == "test_log_likelihood":
        return f"L_{run['num_samples']} = {run[field]:.2f} nats"
    if field == "bits_per_dim_log_likelihood":
        return f"{run[field]:.4g} by L_{run['num_samples']}"
    return _SHOWN.get(field, field.replace("_", " ") + " {:.4g}").format(run[field])


def _active(run: Run) -> str:
    return " + ".join(run.get("active_units_per_layer", ()))


def _training(run: Run) -> str:
    core = " on one core" if run.get("cores") == 1 else ""
    parts = [f"{run['train_seconds']:,.0f} s{core}"] if "train_seconds" in run else []
    parts += [f"{run['num_epochs']:,} epochs"] if "num_epochs" in run else []
    return ", ".join(parts)


def _machine(run: Run) -> str:
    """What a run was trained on, where that is known."""
    cores = {1: " on one of two CPU cores", 2: " on two CPU cores"}
    return cores[run["cores"]] if run.get("cores") in cores else f" on {run['device']}" if "device" in run else ""


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *([cell.replace("|", r"\|") for cell in row] for row in rows)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
