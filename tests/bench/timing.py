"""Competitors timed in turn, round after round, so that a ratio is of neighbours in time."""

import statistics
import time
from collections.abc import Callable, Mapping

from rich.console import Console
from rich.table import Table

ROUNDS = 25


def rates(systems: Mapping[str, Callable[[], None]], work: float) -> dict[str, list[float]]:
    """Units of work a second, for each system and round, after one call of each to compile and warm up."""
    for run in systems.values():
        run()
    found: dict[str, list[float]] = {name: [] for name in systems}
    for _ in range(ROUNDS):
        for name, run in systems.items():
            start = time.perf_counter()
            run()
            found[name].append(work / (time.perf_counter() - start))
    return found


def table(title: str, found: Mapping[str, list[float]], baseline: str, unit: str) -> None:
    """Each system's median rate, and the median over rounds of its ratio to the baseline."""
    out = Table("system", unit, f"ratio to {baseline}", "least to most", title=title, title_justify="left")
    for name, values in found.items():
        ratios = [a / b for a, b in zip(values, found[baseline], strict=True)]
        out.add_row(
            name,
            f"{statistics.median(values):,.0f}",
            f"{statistics.median(ratios):.2f}",
            f"{min(ratios):.2f} to {max(ratios):.2f}",
        )
    Console().print(out)
