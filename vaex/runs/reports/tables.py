"""The tables of README and docs, each from the runs that are reported."""

import statistics
import textwrap
from collections.abc import Mapping, Sequence

from vaex.errors import UsageError
from vaex.runs.words import Run, active, score, training


def experiments_table(runs: Mapping[str, Run], about: Mapping[str, str]) -> str:
    """A row for each experiment: its command, what it is, and its score."""
    rows = [
        [f"`{run['command']}`", about[name].removesuffix("."), training(run), score(run), active(run)]
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
            training(run),
            score(run),
            active(run),
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
        raise UsageError(f"no run of {base!r} in docs/results is of the comparison {comparison!r}")
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
            rows.append(
                [
                    f"`{own[0]['command']}`",
                    f"{count:,}",
                    ", ".join(str(one["seed"]) for one in own),
                    ", ".join(f"{accuracy:.1%}" for accuracy in found),
                    _mean(found, ".1%"),
                    own[0].get("published", ""),
                ]
            )
    return _table(["command", "labels", "seeds", "accuracy on the test set", "mean", "published"], rows)


def factors_table(runs: Mapping[str, Run]) -> str:
    """A row for each experiment on data of known factors: the scores of each seed, and their means."""
    scores = {"MIG": "mig", "FactorVAE": "factor_vae_score", "DCI, disentanglement": "dci_disentanglement"}
    rows = []
    for run in runs.values():
        own = sorted((one for one in _all(run) if "mig" in one), key=lambda one: one["seed"])
        cells = []
        for field in scores.values():
            found = [one[field] for one in own]
            cells += [", ".join(f"{score:.3f}" for score in found), _mean(found, ".3f")]
        rows += [[f"`{run['command']}`", ", ".join(str(one["seed"]) for one in own), *cells]] if own else []
    return _table(["command", "seeds", *(title for score in scores for title in (score, "mean"))], rows)


def enlargements_table(runs: Mapping[str, Run]) -> str:
    """A row for each run that enlarges images: log p(x|c), PSNR and SSIM, bicubic interpolation's beside."""
    rows = [
        [
            f"`{run['command']}`",
            training(run),
            f"{run['test_log_likelihood']:.1f} (L_{run['num_samples']})",
            f"{run['log_likelihood_of_bicubic']:.1f}",
            _three(run, "psnr_of_{}", ".2f"),
            _three(run, "ssim_of_{}", ".3f"),
        ]
        for main in runs.values()
        for run in _all(main)
        if "ssim_of_bicubic" in run
    ]
    marks = "a completion / mean of 50 / bicubic"
    head = ["command", "training", "log p(x given c)", "around bicubic", f"PSNR, dB: {marks}", f"SSIM: {marks}"]
    return _table(head, rows)


def others_table(runs: Mapping[str, Run]) -> str:
    """A row for each further run that is in no comparison and in no table of labels, of factors or of enlargements."""
    rest = [
        run
        for main in runs.values()
        for run in main.get("others", ())
        if not run.get("comparisons") and not {"num_labels", "ssim_of_bicubic", "mig"} & run.keys()
    ]
    rows = [[f"`{run['command']}`", training(run), score(run), run.get("note", "")] for run in rest]
    return _table(["command", "training", "score", "what it is"], rows)


def studies_table(studies: Mapping[str, Run]) -> str:
    """A row for each number of each study, with the exact one beside it."""
    rows = [
        [f"`{study['command']}`" if i == 0 else "", row["what"], str(row["found"]), str(row.get("exact", ""))]
        for study in studies.values()
        for i, row in enumerate(study["rows"])
    ]
    return "\n".join([_table(["command", "what", "found", "exact"], rows), *_notes(studies)])


def lines_table(lines: Sequence[str]) -> str:
    """A row for each line of a study, "what: found"."""
    return _table(["what", "found"], [list(line.partition(": ")[::2]) for line in lines])


def _all(run: Run) -> list[Run]:
    """The reported run of an experiment, and the others."""
    return [run, *run.get("others", ())]


def _mean(found: Sequence[float], form: str) -> str:
    """The mean of three seeds or more, with its standard error."""
    if len(found) < 3:
        return ""
    return f"{statistics.mean(found):{form}} ± {statistics.stdev(found) / len(found) ** 0.5:{form}}"


def _three(run: Run, field: str, form: str) -> str:
    """A score of one completion, of the mean of 50, and of bicubic interpolation."""
    names = ("a_completion", "the_mean_completion", "bicubic")
    return " / ".join(format(run[field.format(name)], form) for name in names)


def _notes(runs: Mapping[str, Run]) -> list[str]:
    """The lines below a table: what there is to say about a run."""
    noted = [f"- `{name}`: {run['note']}" for name, run in runs.items() if "note" in run]
    return ["", *(textwrap.fill(note, 120, subsequent_indent="  ") for note in noted)] if noted else []


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *([cell.replace("|", r"\|") for cell in row] for row in rows)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
