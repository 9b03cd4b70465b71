"""A run's page, index.html in its folder: what is read for it, and when it is written."""

import datetime
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from markupsafe import Markup

from vaex.config import Told, read_config, told
from vaex.config.graph import graph_of_run
from vaex.config.stored import check_type, read_json
from vaex.errors import UsageError, WriteError
from vaex.files import Fields, Json, replaced
from vaex.runs import console, folder
from vaex.runs.environment import environment
from vaex.runs.page import RunShown, run_page
from vaex.runs.page.diagram import diagram
from vaex.runs.page.html import tag

_WHOLE = ("num_epochs", "best_epoch")  # what results.json has as whole numbers
_LISTS = {"kl_per_dimension": float, "active_units_per_layer": str}  # and as lists of these
_SHARE, _FIRST = 0.01, 0.1  # of the training time, for pages while it goes on; seconds that the first is taken to need


def write_page(
    path: Path, *, state: str = "", is_wrong: bool = False, made_by: Mapping[str, Json] | None = None
) -> Path:
    """Write the page of a run from what its folder holds.

    Args:
        path: the run folder.
        state: how far the run is; what its files say where it is empty.
        is_wrong: whether it ended as nobody wants.
        made_by: versions and device, where there is no results.json.
    """
    page = run_page(_shown(path, state, is_wrong, made_by or {}))
    with replaced(path / folder.PAGE) as file:
        file.write(page.encode("utf-8", "replace"))
    return path / folder.PAGE


def page_while_training(path: Path, num_epochs: int) -> Callable[[folder.Row], None]:
    """A function of each row of metrics that writes the page after validations, in at most 1% of the training time."""
    start, found = time.perf_counter(), environment()
    spent, cost = 0.0, _FIRST

    def show(row: folder.Row) -> None:
        nonlocal spent, cost
        before = time.perf_counter()
        is_validated = any(name.startswith("validation_") for name in row)
        if not is_validated or spent + cost > _SHARE * (before - start):
            return
        state = (
            f"In progress: epoch {row['epoch']} of {num_epochs} at {_now()}. A reload of this page shows how far it is."
        )
        write_page(path, state=state, made_by=found)
        cost = time.perf_counter() - before
        spent += cost

    return show


def open_page(run: str) -> Path:
    """Write the page of a run where there is none or where its files are newer, print its path, and show it.

    Args:
        run: its folder.
    """
    import webbrowser

    path = folder.open_run(run)
    page = path / folder.PAGE
    files = [path / name for name in (folder.METRICS, folder.RESULTS, folder.CONFIG)]
    folder.check_files(path, folder.PAGE, *(file.name for file in files))
    folder.check_folders(path, "figures")
    newest = max(file.stat().st_mtime for file in files if file.exists())
    if not page.exists() or page.stat().st_mtime < newest:
        try:
            write_page(path)
        except WriteError as error:
            if not page.exists():
                raise
            console.say(str(error.advised("the page that is there may be older than the run")))
    console.say(folder.shown(page))
    try:
        webbrowser.get()
    except webbrowser.Error:
        console.say("there is no browser here: open the file in one, as by a double click, wherever it is copied to")
        return page
    webbrowser.open(page.as_uri())
    return page


def read_results(path: Path) -> Fields:
    """What results.json says; {} before there is one.

    Raises:
        UsageError: it cannot be read, or what is shown of it has another type.
    """
    file = path / folder.RESULTS
    results = check_type(read_json(file), dict, str(file)) if file.exists() else {}
    for name, value in results.items():
        where = f"{file}: {name}"
        if value is None:  # of what a run has not
            continue
        if name in _LISTS:
            for part in check_type(value, list, where):
                check_type(part, _LISTS[name], where)
        elif name in _WHOLE or name.endswith("_standard_error"):
            check_type(value, int if name in _WHOLE else float, where)
    return results


def epochs_trained(path: Path, rows: Sequence[folder.Row]) -> int:
    """How many epochs a run has, by its newest checkpoint, without one by its rows, which may be ahead."""
    newest = folder.newest_checkpoint(path)
    return int(newest.name) if newest is not None else rows[-1]["epoch"] if rows else 0


def _shown(path: Path, state: str, is_wrong: bool, made_by: Mapping[str, Json]) -> RunShown:
    rows, results, config = folder.read_metrics(path), read_results(path), _config(path)
    dataset = folder.read_dataset(path)
    commands, explorer = path / folder.COMMAND, path / folder.EXPLORER
    pictures = [*sorted((path / "figures").glob("*.png")), *sorted((path / "figures").glob("*.gif"))]
    return RunShown(
        folder="/".join(path.parts[-2:]),
        state=state or _state(rows, epochs_trained(path, rows), results, config),
        is_wrong=is_wrong,
        dataset=dataset,
        results=results,
        rows=rows,
        config=config,
        figures={picture.stem: picture.read_bytes() for picture in pictures if picture.is_file()},
        environment=results if "versions" in results else made_by,
        commands=commands.read_text(encoding="utf-8", errors="replace").splitlines() if commands.exists() else (),
        model=_model(path, dataset),
        explorer=explorer.read_text(encoding="utf-8", errors="replace") if explorer.exists() else "",
    )


def _config(path: Path) -> list[Told]:
    """The fields of a run's config; none of one that this vaex does not know, whose page stands without them."""
    try:
        return told(read_config(path / folder.CONFIG))
    except UsageError:
        return []


def _model(path: Path, dataset: Fields) -> Markup:
    """The directed graph of a run's model; of one that this vaex cannot make a sentence."""
    from vaex.runs.load import num_classes, read_columns

    try:
        config, shape = read_config(path / folder.CONFIG), tuple(dataset["x_shape"])
        columns = read_columns(dataset, path / folder.DATASET)
        return diagram(*graph_of_run(config, shape, num_classes(path), columns=columns))
    except UsageError as error:
        return tag("p", f"The model is not drawn: {error}.")


def _state(rows: list[folder.Row], trained: int, results: Mapping[str, Json], config: list[Told]) -> str:
    """How far a run is, by its files."""
    done = rows[-1]["epoch"] if rows else 0
    total = next((field.value for field in config if field.path == "train.num_epochs"), "an unknown number")
    if not rows and not results:
        return f"No epoch of {total} has ended, as of {_now()}."
    if "num_epochs" not in results:
        return f"Epoch {done} of {total} has ended, and there are no scores yet, as of {_now()}."
    if trained > results["num_epochs"]:
        return f"Trained on: epoch {trained} of {total}. The scores and pictures are of epoch {results['num_epochs']}."
    return f"Finished: {results['num_epochs']} epochs; the scores are of epoch {results.get('best_epoch')}, the best."


def _now() -> str:
    return datetime.datetime.now().astimezone().strftime("%Y-%m-%d %H:%M:%S %Z")
