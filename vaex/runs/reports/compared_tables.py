"""Compared runs as rows of words: for the terminal, as CSV, and as LaTeX."""

import csv
import io
import re
from collections.abc import Mapping, Sequence

from vaex.evaluate.comparison import Uncertain
from vaex.runs.reports.compared import seconds
from vaex.runs.reports.compared_groups import Group, against_best, scores_of

_HEADS = {
    "test_elbo": "ELBO",
    "test_log_px_z": "log p(x|z)",
    "bits_per_dim": "bits/dim",
    "test_accuracy": "accuracy",
    "active_units": "active units",
    "mutual_information": "I(x; z)",
    "marginal_kl": "KL(q(z) to p(z))",
    "total_correlation": "TC",
    "dimension_kl": "sum of KL_j",
    "mig": "MIG",
    "factor_vae_score": "FactorVAE",
    "dci_disentanglement": "DCI",
}
_DIGITS = {"bits_per_dim": 4, "test_accuracy": 3, "active_units": 1, "mig": 3, "factor_vae_score": 3}
_LATEX = {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"}
_LATEX |= {c: f"\\{c}" for c in "&%$#_{}"} | {"<": r"\textless{}", ">": r"\textgreater{}"}
Table = tuple[list[str], list[list[str]]]  # heads and rows


def words_table(groups: Sequence[Group]) -> Table:
    """A row for each group, the best first: its scores with their errors, what it is below the best, its time."""
    scores, (decides, below) = scores_of(groups), against_best(groups)
    heads = [
        "runs",
        "seeds",
        *map(head, scores),
        f"to the best, by {head(decides)}" if decides else "to the best",
        "seconds",
    ]
    return heads, [
        [
            group.name,
            f"{group.num_scored} of {len(group.runs)}" if group.unscored else str(len(group.runs)),
            *(_said(group.estimate(score), _digits(score)) for score in scores),
            _difference(below.get(group.name), _digits(decides)),
            _seconds(group),
        ]
        for group in ordered(groups)
    ]


def ordered(groups: Sequence[Group]) -> list[Group]:
    """The best first, by the score that decides; those without it last."""
    _, below = against_best(groups)
    worst = min((found.value for found in below.values()), default=0.0) - 1
    return sorted(groups, key=lambda group: -(below[group.name].value if group.name in below else worst))


def head(score: str) -> str:
    """What stands over a score."""
    name, _, num_samples = score.partition(":")
    return f"L_{num_samples}" if name == "test_log_likelihood" else _HEADS[name]


def as_csv(tables: Mapping[str, Sequence[Group]]) -> str:
    """A row for each group, numbers and their standard errors in columns of their own."""
    scores = list(dict.fromkeys(score for groups in tables.values() for score in scores_of(groups)))
    columns = [column for score in scores for column in (head(score), f"{head(score)} standard error")]
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    last = ["to the best", "to the best standard error", "to the best over", "seconds"]
    writer.writerow(["data", "runs", "seeds", *columns, *last])
    for data, groups in tables.items():
        _, below = against_best(groups)
        for group in ordered(groups):
            estimates = [group.estimate(score) for score in scores]
            found = below.get(group.name)
            numbers = [number for estimate in estimates for number in _pair(estimate)]
            row = [
                data,
                group.name,
                group.num_scored,
                *numbers,
                *_pair(found),
                found.over if found else "",
            ]
            writer.writerow([*row, _seconds(group)])
    return file.getvalue()


def as_latex(tables: Mapping[str, Sequence[Group]]) -> str:
    """A tabular for each data set, of booktabs' rules."""
    return "\n".join(_tabular(data, *words_table(groups)) for data, groups in tables.items())


def _tabular(data: str, heads: list[str], rows: list[list[str]]) -> str:
    lines = [f"% {' '.join(data.split())}", rf"\begin{{tabular}}{{l{'r' * (len(heads) - 1)}}}", r"\toprule"]
    top = re.sub(r"\bL\\_(\d+)", r"L\\textsubscript{\1}", _latex(heads))
    lines += [top, r"\midrule", *map(_latex, rows), r"\bottomrule", r"\end{tabular}", ""]
    return "\n".join(lines)


def _latex(cells: Sequence[str]) -> str:
    escaped = ["".join(_LATEX.get(c, c) for c in cell) for cell in cells]
    signs = [cell.replace("±", r"$\pm$") for cell in escaped]
    return " & ".join(re.sub(r"^-(?=\d)", "$-$", cell) for cell in signs) + r" \\"


def _said(estimate: Uncertain | None, digits: int) -> str:
    if estimate is None:
        return ""
    error = "" if estimate.error is None else f" ± {estimate.error:.{digits}f}"
    return f"{estimate.value:.{digits}f}".removesuffix(".0") + error


def _difference(found: Uncertain | None, digits: int) -> str:
    if found is None:
        return ""
    return found.over if found.over == "the best" else f"{_said(found, digits)} ({found.over})"


def _pair(estimate: Uncertain | None) -> list[str]:
    return ["" if x is None else f"{x:.6g}" for x in ((estimate.value, estimate.error) if estimate else (None, None))]


def _digits(score: str | None) -> int:
    return _DIGITS.get((score or "").partition(":")[0], 2)


def _seconds(group: Group) -> str:
    found = [time for run in group.runs if (time := seconds(run)) is not None]
    return f"{sum(found) / len(found):.1f}" if found else ""
