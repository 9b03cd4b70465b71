"""A run on disk: its folder, its lock and its metrics."""

import contextlib
import errno
import fcntl
import os
import re
import shlex
import zlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from vaex.config.stored import check_fields, check_type, parse, read_object, read_text
from vaex.config.stored import read_json as read_json
from vaex.errors import InUse, UsageError
from vaex.files import Fields, Json, replaced, writing
from vaex.runs.files import as_json, check_files, check_folders
from vaex.runs.files import write_json as write_json

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Row = dict[str, Json]  # the metrics of an epoch
Show = Callable[[Row], None]
CONFIG, DATASET, METRICS, RESULTS = "config.json", "dataset.json", "metrics.jsonl", "results.json"
SAMPLES, CHECKPOINTS, ORIGIN, ANSWERS = "samples.npz", "checkpoints", "origin.json", "answers"
SCORES, PAGE, COMMAND, EXPLORER = "scores.npz", "index.html", "command.txt", "explorer.html"
FRAMES = "frames.npz"  # of what moves while a run trains
_DATASET = {"experiment": str, "dataset": str, "num_train": int, "source": str, "x_shape": list, "crc32": int}


def open_run(path: str | Path) -> Path:
    """Check that a folder is a run's, and that what is read of it lies in it.

    Raises:
        UsageError: it is not, or a link leads out of it.
    """
    path = Path(path)
    try:
        missing = [name for name in (CONFIG, DATASET) if not (path / name).exists()]
        found = "no such folder" if not path.is_dir() else f"it has no {' and no '.join(missing)}"
    except OSError as error:
        raise UsageError(f"cannot open the run folder {path}: {error.strerror or error}") from None
    if missing:
        raise UsageError(f"{path} is not a run folder: {found}; name one like runs/EXPERIMENT/TIME or runs/latest")
    path = path.resolve()
    check_files(path, CONFIG, DATASET, ORIGIN)
    check_folders(path, CHECKPOINTS)
    return path


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold a run folder to write in it; a second process is told InUse. The lock goes with the process that has it."""
    check_files(path, ".lock", METRICS, RESULTS, SAMPLES, SCORES, PAGE, COMMAND, EXPLORER, FRAMES)
    check_folders(path, "figures", "tensorboard", ANSWERS, CHECKPOINTS)
    try:
        file = os.fdopen(os.open(path / ".lock", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o666), "a+")
    except OSError as error:
        cure = "mend its permissions or copy it elsewhere"
        if error.errno in (errno.EMFILE, errno.ENFILE):
            cure = "allow more by `ulimit -n`, or train fewer together"
        raise UsageError(f"cannot write in {path}: {error.strerror}; {cure}") from None
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise InUse(f"{path} is in use by another process: wait for it, or stop it") from None
        except OSError as error:
            cure = "its file system has no locks: name another with ARGS=--runs=FOLDER, or copy the run to one"
            raise UsageError(f"{path} cannot be locked: {error.strerror}; {cure}") from None
        for written in (path, path / "figures", path / ANSWERS, path / CHECKPOINTS):
            for left in written.glob(".*.tmp"):  # by a process that was killed
                left.unlink(missing_ok=True)
        yield


def save_figure(path: Path, name: str, figure: "Figure") -> None:
    """Write a figure to a run's figures/NAME.png, at its own resolution."""
    with replaced(path / "figures" / f"{name}.png") as file:
        figure.savefig(file, format="png")


def answer_file(path: Path, command: str, name: str) -> Path:
    """Where the answer of a command about an INPUT lies, without its ending: answers/encode_images for images.npz.

    About the run's test images, answers/encode_test. Another INPUT of nearly that name, some/images.npz, has its
    checksum behind it, so that no answer takes another's place.
    """
    argument = Path(name.rpartition(":")[2])
    plain = argument.stem if argument.suffix in (".npz", ".npy", ".csv", ".tsv", ".parquet") else argument.name
    plain = re.sub(r"[^A-Za-z0-9_.-]", "_", plain)[:100] or "test"
    is_whole = name == "" or (name == f"{plain}.npz" and plain != "test")
    return path / ANSWERS / f"{command}_{plain}{'' if is_whole else f'_{zlib.crc32(os.fsencode(name)):08x}'}"


def read_dataset(path: Path) -> Fields:
    """What a run's dataset.json says of its experiment and its data; one from before has no num_classes or meaning.

    Raises:
        UsageError: it cannot be read, or lacks a field or has another type there.
    """
    dataset = read_object(path / DATASET, _DATASET)
    sizes = [check_type(size, int, f"{path / DATASET}: a size of x_shape") for size in dataset["x_shape"]]
    if len(sizes) != (1 if "columns" in dataset else 3) or min(sizes) < 1:
        expected = "the number of columns" if "columns" in dataset else "the height, the width and the channels"
        raise UsageError(f"{path / DATASET}: x_shape is {sizes}: expected {expected}")
    check_type(dataset.get("meaning", ""), str, f"{path / DATASET}: meaning")
    if check_type(dataset.get("num_classes", 0), int, f"{path / DATASET}: num_classes") < 0:
        raise UsageError(f"{path / DATASET}: num_classes is {dataset['num_classes']}: expected at least 0")
    return dataset


def read_metrics(path: Path) -> list[Row]:
    """The rows of a run's metrics.jsonl; a last line cut short by a crash is left out.

    Raises:
        UsageError: it cannot be read, or a line is no object with an epoch and numbers.
    """
    file = path / METRICS
    lines = read_text(file).splitlines(keepends=True) if file.exists() else []
    return [_row(line, f"{file}, line {i}") for i, line in enumerate(lines, 1) if line.endswith("\n")]


@contextlib.contextmanager
def metrics_writer(path: Path, *, epoch: int, to: Sequence[Callable[[Path, Fields], Show]] = ()) -> Iterator[Show]:
    """A function that appends a row to metrics.jsonl and gives it to loggers; rows after `epoch` are taken back."""
    kept = [row for row in read_metrics(path) if row["epoch"] <= epoch]
    with replaced(path / METRICS) as file:
        file.write("".join(as_json(row) + "\n" for row in kept).encode())
    with contextlib.ExitStack() as stack:
        with writing(path / METRICS):
            rows = os.open(path / METRICS, os.O_WRONLY | os.O_APPEND | os.O_NOFOLLOW)
        stack.callback(os.close, rows)
        logs: list[Show] = []
        stack.callback(logs.clear)

        def write(row: Row) -> None:
            line = (as_json(row) + "\n").encode()
            with writing(path / METRICS):
                while line:
                    line = line[os.write(rows, line) :]
            if to and not logs:
                logs.extend(make(path, read_json(path / CONFIG)) for make in to)
            for log in logs:
                log(row)

        yield write


def add_command(path: Path, command: str) -> None:
    """Write down a command that a run was made by, a line each, in their order."""
    before = read_text(path / COMMAND) if (path / COMMAND).exists() else ""
    with replaced(path / COMMAND) as file:
        file.write(f"{before}{' '.join(command.splitlines())}\n".encode("utf-8", "replace"))


def checkpoints(path: Path) -> list[Path]:
    """The folders of a run's checkpoints, the newest last; one with a number for its name was written to its end."""
    folder = path / CHECKPOINTS
    try:
        names = [name for name in os.listdir(folder) if name.isdecimal()] if folder.exists() else []
    except OSError as error:
        raise UsageError(f"cannot read {folder}: {error.strerror or error}") from None
    return [folder / name for name in sorted(names, key=int)]


def newest_checkpoint(path: Path) -> Path | None:
    """The folder of a run's newest checkpoint."""
    return next(reversed(checkpoints(path)), None)


def last_good(path: Path) -> str:
    """In words, where a run's newest checkpoint lies."""
    newest = newest_checkpoint(path)
    return "no checkpoint yet" if newest is None else f"last good checkpoint: {newest}"


def shown(path: Path) -> str:
    """A path as a user would type it from here; as it is where the folder that is here is gone."""
    try:
        relative = os.path.relpath(path)
    except FileNotFoundError:
        return str(path)
    return str(path) if relative.startswith("..") else relative


def as_run(path: Path) -> str:
    """What names a run to make, as a shell takes it."""
    return f"RUN={shlex.quote(shown(path))}"


def _row(line: str, where: str) -> Row:
    row = check_fields(parse(line, where, has_nan=True), {"epoch": int}, where)
    for name, value in row.items():
        for number in value if type(value) is list else [value]:
            if number is not None:
                check_type(number, float, f"{where}: {name}")
    return row
