"""What a trained run answers about images or rows, by commands: files in answers/ of its folder, and a line of them."""

import csv
import io
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from vaex import figures
from vaex.data import Split
from vaex.data.given.inputs import of_split, read_given
from vaex.data.given.kept import GivenImages
from vaex.data.npz import write_npz
from vaex.files import advising, replaced
from vaex.models.columns import Column
from vaex.runs import checkpoints, commands, console, folder
from vaex.runs.answers.asked import ANSWERS, Answer, Asked, check_asked, class_names
from vaex.runs.load import load
from vaex.runs.trained import Trained

_WIDEST = 1000  # columns of a CSV file
_PAIRS = 10  # of test images that a path is drawn between, where no others are given


def answer(command: str, run: str, name: str, asked: Asked) -> Path:
    """Answer a command about the images of an INPUT, or about a run's test images where its name is "".

    Raises:
        UsageError: not a run folder, no such images, or others than the model takes.
    """
    check_asked(asked)
    path = folder.open_run(run)
    again = f"the run is whole: make room there, then make {command} {folder.as_run(path)}"
    with folder.locked(path), advising(lambda: again):
        model = load(path)
        given = images_of(path, model, command, name)
        if command == "impute" and asked.missing is None and not name and given.mask is None:
            asked = asked._replace(missing=model.kept.by.fraction or 0.5)
        found = ANSWERS[command](model, given, asked)
        of = name or ("test rows" if model.kept.columns else "test images")
        files = _write(path, folder.answer_file(path, command, name), given, found, of, model.kept.label)
        console.say(f"{found.said}: {', '.join(folder.shown(file) for file in files)}")
    return path


def images_of(path: Path, model: Trained, command: str, name: str) -> GivenImages:
    """The images of an INPUT, or a run's test images where its name is ""."""
    if name:
        may_miss = command == "impute" or model.kept.is_masked or bool(model.kept.columns)
        return read_given(name, model.kept, may_miss=may_miss)
    test = commands.open_task(path).dataset.test
    few = slice(2 * _PAIRS if command == "interpolate" else None)
    return of_split(Split(test.images[few], test.labels[few]), model.kept)


def _write(path: Path, stem: Path, given: GivenImages, found: Answer, of: str, label: Column | None) -> Iterator[Path]:
    """The files of an answer, each as it is written; labels by their numbers, in a CSV file by the names they have."""
    known: dict[str, np.ndarray] = {}
    if len(next(iter(found.arrays.values()))) == len(given.images):
        known |= {"path": np.array(given.files)} if given.files else {}
        known |= {"label": given.labels} if given.labels is not None and given.labels.max() >= 0 else {}
    with replaced(npz := stem.with_name(f"{stem.name}.npz")) as file:
        write_npz(file, {**known, **found.arrays})
    yield npz
    if label is not None and "label" in known:
        known["label"] = class_names(label, known["label"])
    if found.table is not None and sum(array.size // len(array) for array in found.table.values()) <= _WIDEST:
        with replaced(table := stem.with_name(f"{stem.name}.csv")) as file:
            file.write(as_csv({**known, **found.table}).encode("utf-8", "replace"))
        yield table
    if found.figure is not None:
        title = f"{folder.read_dataset(path)['experiment']}, epoch {checkpoints.best_epoch(path)}, {of}"
        with replaced(png := stem.with_name(f"{stem.name}.png")) as file:
            figures.titled(found.figure, title).savefig(file, format="png")
        yield png


def as_csv(columns: Mapping[str, np.ndarray]) -> str:
    """A row for each entry of the first axis, numbered from 0; of more axes a column for each element, name_0, ..."""
    flat = {name: np.asarray(array).reshape(len(array), -1) for name, array in columns.items()}
    names = [
        name if columns[name].ndim == 1 else f"{name}_{i}"
        for name, array in flat.items()
        for i in range(array.shape[1])
    ]
    out = io.StringIO()
    rows = csv.writer(out, lineterminator="\n")
    own = [] if "index" in names else ["index"]  # a table may have one
    rows.writerow([*own, *names])
    for i, parts in enumerate(zip(*flat.values(), strict=True)):
        rows.writerow([*([i] if own else []), *(value for part in parts for value in part)])
    return out.getvalue()
