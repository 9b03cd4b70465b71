"""What a user sees: a progress bar on a terminal, plain lines elsewhere, and a table at the end."""

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table

_VALIDATION = {"elbo": "ELBO", "log_likelihood": "L_K", "log_px_z": "log p(x|z)"}  # of these the first two there are
_console = Console(highlight=False, soft_wrap=True, emoji=False)


def say(message: str) -> None:
    """One line, in order with whatever bar is shown."""
    _console.print(message, markup=False)


@contextlib.contextmanager
def training(
    num_epochs: int, done: int, seconds: float, examples: int
) -> Iterator[Callable[[Mapping[str, float]], None]]:
    """A function that shows a row of metrics.

    Args:
        num_epochs: of the whole run.
        done: epochs already behind.
        seconds: that they took.
        examples: in one epoch.
    """
    last = [seconds]

    def describe(row: Mapping[str, float]) -> str:
        speed = examples / max(row["seconds"] - last[0], 1e-9)
        last[0] = row["seconds"]
        measured = {text: row.get(f"validation_{name}") for name, text in _VALIDATION.items()}
        found = [f"{text} {value:.2f}" for text, value in measured.items() if value is not None]
        validation = f"  validation {', '.join(found[:2])}" if found else ""
        return f"loss {row['loss']:.2f}{validation}  {speed:,.0f} examples/s"

    with _bar(num_epochs, done, "epochs") as (bar, task):

        def show(row: Mapping[str, float]) -> None:
            text = describe(row)
            bar.update(task, completed=row["epoch"], description=text)
            is_validated = any(name.startswith("validation_") for name in row)
            if not _console.is_terminal and (is_validated or row["epoch"] == num_epochs):
                say(f"epoch {row['epoch']}/{num_epochs}  {text}  {row['seconds']:.1f} s")

        yield show


@contextlib.contextmanager
def evaluating(num_examples: int, num_samples: int) -> Iterator[Callable[[int], None]]:
    """A function that is told how many more test examples are done."""
    say(f"evaluating {num_examples:,} test examples, {num_samples:,} importance samples each")
    with _bar(num_examples, 0, "images") as (bar, task):
        yield lambda n: bar.update(task, advance=n)


def summary(results: Mapping[str, Any], folder: str, own: Mapping[str, Any]) -> None:
    """The table at the end, with the scores of this kind of model's own."""
    table = Table(title=f"{results['experiment']} on {results['dataset']}", show_header=False, title_justify="left")
    sure = "" if results["is_likelihood"] else "  (grey pixels: not a likelihood)"
    rows = {
        **(_bounds(results, sure) if "test_elbo" in results else _reconstruction(results, sure)),
        **{name.replace("_", " "): _shown(value) for name, value in own.items()},
        "training": (
            f"{results['num_epochs']} epochs in {results['train_seconds']:.1f} s, "
            f"{results['examples_per_second']:,} examples/s, best at epoch {results['best_epoch']}"
        ),
        "evaluation": f"{results['evaluate_seconds']:.1f} s",
        "folder": folder,
    }
    for name, value in rows.items():
        table.add_row(name, value)
    _console.print(table)


def _shown(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _per_layer(kls: Sequence[float] | None) -> dict[str, str]:
    return {} if kls is None else {"KL of z_1 + z_2 + ...": " + ".join(f"{kl:.2f}" for kl in kls) + " nats"}


def _bounds(results: Mapping[str, Any], sure: str) -> dict[str, str]:
    return {
        "test ELBO": f"{results['test_elbo']:.2f} nats ± {results['test_elbo_standard_error']:.2f}{sure}",
        f"test log-likelihood, K={results['num_samples']}": (
            f"{results['test_log_likelihood']:.2f} nats ± {results['test_log_likelihood_standard_error']:.2f}{sure}"
        ),
        "bits per dimension, by the ELBO": f"{results['bits_per_dim']:.3f}{sure}",
        **_per_layer(results["kl_per_layer"]),
        "active units": " + ".join(results["active_units_per_layer"]) + _collapse(results["active_units"]),
    }


def _reconstruction(results: Mapping[str, Any], sure: str) -> dict[str, str]:
    """An autoencoder's."""
    error = results["test_log_px_z_standard_error"]
    return {
        "bound on log p(x)": results["bound_on_log_px"],
        "test log p(x|z) at z = encode(x)": f"{results['test_log_px_z']:.2f} nats ± {error:.2f}{sure}",
        "test squared error of an example": f"{results['test_squared_error']:.3f}",
    }


def _collapse(active_units: int) -> str:
    return "" if active_units else ": ALL LATENTS HAVE COLLAPSED, the decoder ignores z"


@contextlib.contextmanager
def _bar(total: int, done: int, unit: str) -> Iterator[tuple[Progress, Any]]:
    columns = (
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn(unit),
        TimeElapsedColumn(),
        TextColumn("eta"),
        TimeRemainingColumn(),
    )
    with Progress(
        *columns, TextColumn("{task.description}"), console=_console, disable=not _console.is_terminal
    ) as bar:
        yield bar, bar.add_task("", total=total, completed=done)
