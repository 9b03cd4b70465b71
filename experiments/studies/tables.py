"""Tables: held-out log-likelihood by 10-fold cross-validation and imputation, beside other models of tables."""

from typing import Any, NamedTuple

import numpy as np
from matplotlib.figure import Figure

from vaex import data

from . import _table_baselines as baselines
from ._table_folds import Setting, cross_validated, imputed

_SEED, _FOLDS = 0, 10
_FRACTIONS = (0.1, 0.3, 0.5)
_ORDERED = "cylinders=ordinal,model_year=ordinal"


class Case(NamedTuple):
    """A data set, the settings among which inner validation rows choose, and what stands beside."""

    columns: str
    settings: tuple[Setting, ...]
    beside: dict[str, Any]  # (train, test, columns) -> log p of the test rows
    is_imputed: bool = False


_GAUSSIANS = {"a full-covariance Gaussian": baselines.gaussian, "a factor analyser": baselines.factor_analyser}
CASES = {
    "wine": Case("real", (Setting(4, (32,)), Setting(4, (32,), real="gaussian_output")), _GAUSSIANS, True),
    "breast_cancer": Case("real", (Setting(20, (64,)), Setting(20, (64,), real="gaussian_output")), _GAUSSIANS, True),
    "auto_mpg": Case(_ORDERED, (Setting(5, (64,)), Setting(5, (64,), real="gaussian_output")), _GAUSSIANS),
    "simulated_counts": Case(
        "",
        (Setting(5, (64,)), Setting(5, (64,), counts="poisson")),
        {"independent negative binomials": baselines.negative_binomials, **_GAUSSIANS},
    ),
}


def tables_figure() -> tuple[Figure, list[str]]:
    """How far a VAE's log p(row) is above others', with standard errors, and errors of imputation beside others'."""
    figure = Figure(figsize=(10, 3.6), layout="constrained")
    left, *right = figure.subplots(1, 3)
    lines, names = [], []
    for name in CASES:
        score, above = compared(name)
        lines.append(f"{name}: {score:.2f} nats a row")
        for other, (mean, error) in above.items():
            left.errorbar(mean, len(names), xerr=2 * error, fmt="o", color="C0", capsize=3)
            names.append(f"{name}: {other}")
            lines.append(f"{name}, above {other}: {mean:+.2f} ± {error:.2f} nats a row")
    left.set_yticks(range(len(names)), names, fontsize=7)
    left.axvline(0, color="black", linewidth=1)
    left.set_xlabel("nats a row above, ± 2 standard errors")
    for axes, name in zip(right, [name for name, case in CASES.items() if case.is_imputed], strict=True):
        for how, errors in imputations(name).items():
            axes.plot(_FRACTIONS, errors, marker="o", label=how)
            told = ", ".join(f"{e:.3f} at {f:.0%}" for f, e in zip(_FRACTIONS, errors, strict=True))
            lines.append(f"{name}, RMSE of imputation by {how}: {told} missing")
        axes.set_title(name)
        axes.set_xlabel("fraction missing")
        axes.set_ylabel("RMSE, standard deviations")
        axes.legend(frameon=False, fontsize=7)
    return figure, lines


def compared(name: str) -> tuple[float, dict[str, tuple[float, float]]]:
    """L_500 of a case by 10-fold cross-validation, and how far above each other model it is, with a standard error.

    The differences are those of each row, by models of the same training rows.
    """
    case = CASES[name]
    rows, columns, folds = _shuffled(name, case.columns)
    found, above = cross_validated(rows, columns, folds, case.settings), {}
    for other, fit in case.beside.items():
        theirs = np.empty(len(rows))
        for fold in range(_FOLDS):
            theirs[folds == fold] = fit(rows[folds != fold], rows[folds == fold], columns)
        above[other] = float((found - theirs).mean()), float((found - theirs).std(ddof=1) / len(rows) ** 0.5)
    return float(found.mean()), above


def imputations(name: str) -> dict[str, list[float]]:
    """The errors of each way to impute at each fraction missing."""
    rows, columns, folds = _shuffled(name, CASES[name].columns)
    found = [imputed(rows, columns, folds, CASES[name].settings[0], fraction) for fraction in _FRACTIONS]
    return {how: [one[how] for one in found] for how in found[0]}


def _shuffled(name: str, columns: str) -> tuple[np.ndarray, Any, np.ndarray]:
    """All rows of a data set, its columns, and the fold of each row."""
    found = data.load(name, columns=columns)
    rows = np.concatenate([found.train.images, found.test.images])
    order = np.random.default_rng(_SEED).permutation(len(rows)) % _FOLDS
    return rows, found.columns, order
