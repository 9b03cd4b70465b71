"""How a run is scored: at each validation, and at its end by results.json, figures and the summary."""

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import jax
import numpy as np

from vaex.config.keys import scoring_keys
from vaex.config.measure import measure
from vaex.config.setup import Setup
from vaex.config.task import Task
from vaex.data.npz import checksum, write_npz
from vaex.distributions.masked import observed_size
from vaex.errors import UsageError
from vaex.evaluate import REPORTS, Trial
from vaex.evaluate.reports import PER_EXAMPLE
from vaex.files import Fields, replaced
from vaex.model import Conditional, Example, Model, Params, split
from vaex.runs import console, devices, folder, moving
from vaex.runs.environment import environment
from vaex.runs.origin import read_origin
from vaex.runs.page_file import write_page
from vaex.train.loop import Progress

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def validate(made: Setup) -> Callable[[Params], folder.Row]:
    """A function of the parameters: what is measured on the validation split, as numbers and lists of them."""
    found = measure(made)
    return lambda params: {k: np.asarray(v).tolist() for k, v in found(params).items() if v is not None}


def check_selection(made: Setup) -> None:
    """The metric that chooses the best checkpoint, where a config names it, is one that is measured.

    Raises:
        UsageError: it is not.
    """
    if made.task.experiment.train.select is None:
        return
    measured = jax.eval_shape(measure(made), jax.eval_shape(made.init).params)
    numbers = [name for name, value in measured.items() if value is not None and not value.shape]
    if made.plan.select not in numbers:
        raise UsageError(f"train.select is {made.plan.select!r}: expected one of {', '.join(numbers)}")


def write(path: Path, task: Task, progress: Progress, *, given: str = "") -> None:
    """Write results.json, scores.npz, figures/ and the page of the best checkpoint, and print the summary.

    With the name of an INPUT, whose images are those of the task, answers/evaluate_NAME.json in their place.
    """
    from vaex.runs import checkpoints
    from vaex.runs.page.explorer import (
        explorer,  # with all that writes JavaScript, which the first step need not wait for
    )

    params, best = checkpoints.restore_params(path, jax.eval_shape(task.description.init, task.init_key))
    params = devices.placed(params)
    data_key, score_key, figure_key, report_key = scoring_keys(task.key)
    start = time.perf_counter()
    x = devices.placed(task.examples.observe(data_key, task.dataset.test))
    with console.evaluating(len(task.dataset.test.images), task.experiment.evaluate.num_samples) as advance:
        trial = _trial(task, task.description.bind(params), x, advance)
        scores, own, each = _reported(score_key, report_key, task, trial)
    results = {
        **folder.read_dataset(path),
        **read_origin(path),
        **({"scored_on": given, "num_scored": len(task.dataset.test.images)} if given else {}),
        **scores,
        "is_likelihood": task.is_likelihood,
        "test_checksum": _checksum(x),
        "train_seconds": round(progress.seconds, 2),
        "examples_per_second": round(
            progress.epoch * task.num_steps * task.experiment.train.batch_size / max(progress.epoch_seconds, 1e-9)
        ),
        "evaluate_seconds": round(time.perf_counter() - start, 2),
        "num_epochs": progress.epoch,
        "best_epoch": best["epoch"],
        "seed": task.experiment.seed,
        **environment(),
    }
    if given:
        stem = folder.answer_file(path, "evaluate", given)
        folder.write_json(written := stem.with_name(f"{stem.name}.json"), results)
        console.summary({**results, "dataset": given}, folder.shown(written), own)
        return
    draw(path, figure_key, task.figures, trial, results)
    moving.draw(path, jax.random.fold_in(figure_key, len(task.figures)), trial, task)
    with replaced(path / folder.EXPLORER) as file:
        file.write(explorer(trial).encode())
    _write_each(path / folder.SCORES, each)
    folder.write_json(path / folder.RESULTS, results)  # behind what takes time: a run that has it is done
    write_page(path)
    console.summary(results, folder.shown(path), own)


def _reported(
    score_key: jax.Array, report_key: jax.Array, task: Task, trial: Trial
) -> tuple[Fields, Fields, dict[str, np.ndarray]]:
    """All scores, those of all but the first report, and those of each test example."""
    scores: Fields = {}
    own: Fields = {}
    each: dict[str, np.ndarray] = {}
    for i, name in enumerate(task.reports):
        found = REPORTS[name](score_key if i == 0 else jax.random.fold_in(report_key, i - 1), trial)
        each |= found.pop(PER_EXAMPLE, {})
        scores |= found
        own |= found if i else {}
    return scores, own, each


def draw(path: Path, key: jax.Array, names: tuple[str, ...], trial: Trial, results: Fields) -> None:
    """Write the figures of a run's metrics and of its model."""
    from vaex import figures  # matplotlib takes a second to import, which the first step need not wait for

    rows = folder.read_metrics(path)
    experiment = results["experiment"]

    def save(name: str, figure: "Figure", when: str) -> None:
        folder.save_figure(path, name, figures.titled(figure, f"{experiment}, {when}"))

    epochs, best = f"{results['num_epochs']} epochs", f"epoch {results['best_epoch']}"
    save("learning_curves", figures.learning_curves(rows), epochs)
    if results.get("kl_per_dimension") is not None:
        save("kl_per_dimension", figures.kl_per_dimension(results["kl_per_dimension"]), best)
    if results.get("kl_per_layer") is not None:
        save("kl_per_layer", figures.kl_per_layer(rows), epochs)
    for i, name in enumerate(names):
        figure = figures.FIGURES[name](jax.random.fold_in(key, i), trial)
        if figure is not None:
            save(name, figure, best)


def _checksum(x: Example) -> int:
    """Of test examples as they are scored: two runs with the same were scored on the same draws of the same images."""
    return checksum({str(i): np.asarray(leaf) for i, leaf in enumerate(jax.tree.leaves(x))})


def _write_each(path: Path, each: Mapping[str, np.ndarray]) -> None:
    """The scores of each test example, in the order of the data set."""
    with replaced(path) as file:
        write_npz(file, {name: np.asarray(array, np.float32) for name, array in each.items()})


def _trial(task: Task, model: Model | Conditional, x: Example, advance: Callable[[int], None]) -> Trial:
    c = task.experiment.evaluate
    return Trial(
        model=model,
        x=x,
        dataset=task.dataset,
        observe=task.examples.observe,
        num_samples=c.num_samples,
        chunk_size=c.chunk_size,
        batch_size=c.batch_size,
        num_dims=observed_size(split(x)[0], task.num_dims),
        dequantized=task.dequantized,
        num_classes=task.num_classes,
        num_clusters=c.num_clusters,
        labelled=None if task.labelled is None else np.asarray(task.labelled),
        advance=advance,
    )
