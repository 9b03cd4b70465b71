"""What a user sees: a progress bar on a terminal, plain lines elsewhere, and a table at the end."""

import contextlib
import time
from collections.abc import Callable, Iterator, Mapping, Sequence

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Column, Table
from rich.text import Text

from vaex.files import Json
from vaex.runs.pace import pace
from vaex.runs.words import PROGRESS

_console = Console(highlight=False, soft_wrap=True, emoji=False)  # [x] and :x: in the name of a folder are no markup


def say(message: str) -> None:
    """One line, in order with whatever bar is shown."""
    _console.print(message, markup=False)


@contextlib.contextmanager
def compiling(what: str) -> Iterator[None]:
    """A line when a compilation starts and one when it has ended, where there is no bar."""
    start = time.perf_counter()
    if not _console.is_terminal:
        say(f"compiling {what}")
    yield
    if not _console.is_terminal:
        say(f"compiled in {time.perf_counter() - start:.1f} s")


@contextlib.contextmanager
def training(
    num_epochs: int, done: int, seconds: float, examples: int
) -> Iterator[Callable[[Mapping[str, float]], None]]:
    """A function that shows a row of metrics: in the bar, or in lines as pace has them, at each validation, at the end.

    Args:
        num_epochs: of the whole run.
        done: epochs already behind.
        seconds: that they took.
        examples: in one epoch.
    """
    turn = pace(num_epochs, done, seconds)

    def describe(row: Mapping[str, float]) -> str:
        speed = examples / max(row["epoch_seconds"], 1e-9)  # validations and checkpoints left out
        found = [text.format(row[name]) for name, text in PROGRESS.items() if row.get(name) is not None]
        validation = f"  validation {', '.join(found[:2])}" if found else ""
        return f"loss {row['loss']:.2f}{validation}  {speed:,.0f} examples/s"

    with _bar(num_epochs, done, "epochs") as (bar, task):

        def show(row: Mapping[str, float]) -> None:
            text = describe(row)
            bar.update(task, completed=row["epoch"], description=text)
            is_validated = any(name.startswith("validation_") for name in row)
            is_last = row["epoch"] == num_epochs
            is_due, left = turn(row["epoch"], row["seconds"], is_validated or is_last)
            if is_due and not _console.is_terminal:
                eta = "" if is_last else f"  ETA {left}"
                say(f"epoch {row['epoch']}/{num_epochs}  {text}  {row['seconds']:.1f} s{eta}")

        yield show


@contextlib.contextmanager
def sweeping(total: int, done: int, seconds: float) -> Iterator[Callable[[int, float, str], None]]:
    """A function that is told how many epochs of all members are done, how long they took, and how it goes.

    Args:
        total: epochs of all members.
        done: those already behind.
        seconds: that these took, without compilation.
    """
    turn = pace(total, done, seconds)
    with _bar(total, done, "epochs of members") as (bar, task):

        def show(now: int, seconds: float, text: str) -> None:
            bar.update(task, completed=now, description=text)
            is_due, left = turn(now, seconds, now == total)
            if is_due and not _console.is_terminal:
                say(f"epoch {now:,} of {total:,} of all members  {text}" + ("" if now == total else f"  ETA {left}"))

        yield show


def ranking(title: str, header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """A table of what was compared, the best first."""
    table = Table(*(Column(Text(name)) for name in header), title=Text(title), title_justify="left")
    for row in rows:
        table.add_row(*map(Text, row))
    (_console if _console.is_terminal else Console(width=400)).print(table)  # nothing cuts it in a file


@contextlib.contextmanager
def evaluating(num_examples: int, num_samples: int) -> Iterator[Callable[[int], None]]:
    """A function that is told how many more test examples are done."""
    say(f"evaluating {num_examples:,} test examples, {num_samples:,} importance samples each")
    start = time.perf_counter()
    done, turn = [0], pace(num_examples, 0, start)
    turn(0, start, True)  # the line above
    with _bar(num_examples, 0, "images") as (bar, task):

        def advance(n: int) -> None:
            bar.update(task, advance=n)
            done[0] += n
            is_due, left = turn(done[0], time.perf_counter(), False)
            if is_due and done[0] < num_examples and not _console.is_terminal:
                say(f"evaluated {done[0]:,} of {num_examples:,}  ETA {left}")

        yield advance


def summary(results: Mapping[str, Json], folder: str, own: Mapping[str, Json]) -> None:
    """The table at the end, with the scores of this kind of model's own, and the folder in a line to copy."""
    title = Text(f"{results['experiment']} on {results['dataset']}")
    table = Table(title=title, show_header=False, title_justify="left")
    table.add_column(overflow="fold")
    table.add_column(overflow="fold")
    sure = "" if results["is_likelihood"] else "  (grey pixels: not a likelihood)"
    rows = {
        **(_bounds(results, sure) if "test_elbo" in results else {}),
        **(_reconstruction(results, sure) if "bound_on_log_px" in results else {}),
        **{name.replace("_", " "): _shown(value) for name, value in own.items()},
        "training": (
            f"{results['num_epochs']} epoch{'s' * (results['num_epochs'] != 1)} in {results['train_seconds']:.1f} s, "
            f"{results['examples_per_second']:,} examples/s, best at epoch {results['best_epoch']}"
        ),
        "evaluation": f"{results['evaluate_seconds']:.1f} s",
    }
    if "origin" in results:
        rows["started from"] = f"epoch {results['origin']['epoch']} of {results['origin']['run']}"
    for name, value in rows.items():
        table.add_row(Text(name), Text(value))
    _console.print(table)
    if folder.endswith(".json"):
        say(f"results: {folder}")
        return
    say(f"page: {folder}/index.html")
    say(f"run folder: {folder}")


def _shown(value: object) -> str:
    match value:
        case float():  # numpy's float64 too
            return f"{value:.4g}"
    return str(value)


def _per_layer(kls: Sequence[float] | None) -> dict[str, str]:
    return {} if kls is None else {"KL of z_1 + z_2 + ...": " + ".join(f"{kl:.2f}" for kl in kls) + " nats"}


def _bounds(results: Mapping[str, Json], sure: str) -> dict[str, str]:
    return {
        "test ELBO": f"{_nats(results, 'test_elbo')}{sure}",
        f"test log-likelihood, K={results['num_samples']}": f"{_nats(results, 'test_log_likelihood')}{sure}",
        "bits per dimension, by the ELBO": f"{results['bits_per_dim']:.3f}{sure}",
        **_per_layer(results["kl_per_layer"]),
        "active units": " + ".join(results["active_units_per_layer"]) + _collapse(results["active_units"]),
    }


def _reconstruction(results: Mapping[str, Json], sure: str) -> dict[str, str]:
    """An autoencoder's."""
    return {
        "bound on log p(x)": results["bound_on_log_px"],
        "test log p(x|z) at z = encode(x)": f"{_nats(results, 'test_log_px_z')}{sure}",
        "test squared error of an example": f"{results['test_squared_error']:.3f}",
    }


def _nats(results: Mapping[str, Json], field: str) -> str:
    """A score with its standard error, which a single test example has not."""
    error = results[f"{field}_standard_error"]
    return f"{results[field]:.2f} nats" + ("" if error is None else f" ± {error:.2f}")


def _collapse(active_units: int) -> str:
    return "" if active_units else ": ALL LATENTS HAVE COLLAPSED, the decoder ignores z"


@contextlib.contextmanager
def _bar(total: int, done: int, unit: str) -> Iterator[tuple]:
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
