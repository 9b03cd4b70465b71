"""Runs against each other: means over seeds, and differences with the standard errors that they really have."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from vaex.errors import UsageError


class Scored(NamedTuple):
    """One score of a run."""

    seed: int
    value: float
    error: float | None = None  # the standard error of the value, over test examples
    each: Float[np.ndarray, " n"] | None = None  # the scores of the test examples, where they are kept
    checksum: int | None = None  # of the test examples as they were scored


class Uncertain(NamedTuple):
    """A number, its standard error, and over what that is taken."""

    value: float
    error: float | None
    over: str


def standard_error(values: np.ndarray) -> float | None:
    """The standard error of the mean of independent values; None of a single one."""
    return float(values.std(ddof=1) / len(values) ** 0.5) if len(values) > 1 else None


def over_seeds(runs: Sequence[Scored]) -> Uncertain:
    """The mean of a score: over seeds with the standard error of that, of one run with that over test examples.

    Args:
        runs: whose configs differ in the seed alone; at least one.

    Raises:
        UsageError: two runs of one seed, of which no error over seeds can be known.
    """
    _check_seeds(runs)
    if len(runs) == 1:
        return Uncertain(runs[0].value, runs[0].error, "test examples")
    values = np.array([run.value for run in runs])
    return Uncertain(float(values.mean()), standard_error(values), f"{len(runs)} seeds")


def difference(runs: Sequence[Scored], others: Sequence[Scored]) -> Uncertain:
    """By how much the mean of a score of some runs is above that of others.

    d = 1/S sum_s d_s,   d_s = 1/N sum_i (l_i of the one - l_i of the other)

    Runs of one seed are paired where they were scored on the same draws of the same test examples: of one pair the
    standard error is that of d_s over the examples i, of several that of d over the seeds s. Elsewhere it is that of
    independent estimates, the root of the sum of their squares, which is too large for the same test images.

    Args:
        runs: whose configs differ in the seed alone; at least one.
        others: the same, of another config.

    Raises:
        UsageError: two of the runs, or two of the others, of one seed.
    """
    _check_seeds(runs)
    _check_seeds(others)
    by_seed = {run.seed: run for run in others}
    pairs = [(run, by_seed[run.seed]) for run in runs if run.seed in by_seed and _are_paired(run, by_seed[run.seed])]
    if len(pairs) == len(runs) == len(others) == 1:
        each = np.asarray(pairs[0][0].each, float) - np.asarray(pairs[0][1].each, float)
        return Uncertain(float(each.mean()), standard_error(each), "test examples, paired")
    if len(pairs) == len(runs) == len(others):
        means = np.array([run.value - other.value for run, other in pairs])
        return Uncertain(float(means.mean()), standard_error(means), f"{len(pairs)} seeds, paired")
    one, other = over_seeds(runs), over_seeds(others)
    whole = None if one.error is None or other.error is None else float(np.hypot(one.error, other.error))
    return Uncertain(one.value - other.value, whole, "unpaired")


def _check_seeds(runs: Sequence[Scored]) -> None:
    seeds = [run.seed for run in runs]
    if twice := [seed for seed in dict.fromkeys(seeds) if seeds.count(seed) > 1]:
        raise UsageError(f"{seeds.count(twice[0])} runs have seed {twice[0]}: expected one of each seed; leave one out")


def _are_paired(run: Scored, other: Scored) -> bool:
    is_kept = run.each is not None and other.each is not None and len(run.each) == len(other.each)
    return is_kept and run.checksum is not None and run.checksum == other.checksum
