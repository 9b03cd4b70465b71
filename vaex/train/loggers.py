"""Where the metrics of a run go beside its metrics.jsonl, by name: (folder, config) -> a function of each row."""

import weakref
from collections.abc import Callable, Mapping
from pathlib import Path

from vaex.choices import find
from vaex.files import Json

# Of an epoch's row: its number, metrics, and lists of them; None, not finite.
Log = Callable[[Mapping[str, Json]], None]
Logger = Callable[[Path, Mapping[str, Json]], Log]


def tensorboard(folder: Path, config: Mapping[str, Json]) -> Log:
    """Event files for TensorBoard in tensorboard/ of the run's folder, written at once.

    Raises:
        WriteError: they cannot be written.
    """
    from vaex.train.board import Board  # over a second, which the first step need not wait for

    boards: list[Board] = []

    def log(row: Mapping[str, Json]) -> None:
        if not boards:
            boards.append(Board(folder / "tensorboard", row["epoch"]))
            weakref.finalize(log, boards[0].close)
        numbers = {name: value for name, value in row.items() if type(value) is not list and value is not None}
        boards[0].add(numbers, row["epoch"])

    return log


LOGGERS: dict[str, Logger] = {
    "tensorboard": tensorboard,
}


def loggers(said: str) -> list[Logger]:
    """Those that a config names, with commas between them; "" names none.

    Raises:
        UsageError: no such logger.
    """
    return [find(LOGGERS, name.strip(), "train.loggers") for name in said.split(",") if name.strip()]
