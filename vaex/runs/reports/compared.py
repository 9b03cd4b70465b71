"""Runs that are compared: what is read of each, and which of those that repeat one another is taken."""

import math
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from vaex.config import read_config, told
from vaex.config.preprocess import preprocess
from vaex.data.npz import read_npz
from vaex.files import Json
from vaex.runs import folder
from vaex.runs.create import STAMP
from vaex.runs.load import read_columns
from vaex.runs.origin import read_origin
from vaex.runs.page_file import epochs_trained, read_results

_OF_DATA = ("data.binarize", "data.condition", "data.missing")  # fields by which scores are of something else
_DRAWN = ("samples", "samples_by_label", "reconstructions", "density")  # of these the first there is
SCORES = ("test_log_likelihood", "test_elbo", "test_log_px_z", "bits_per_dim", "test_accuracy", "active_units")
SCORES += ("mutual_information", "marginal_kl", "total_correlation", "dimension_kl")
SCORES += ("mig", "factor_vae_score", "dci_disentanglement")


class Compared(NamedTuple):
    """A run."""

    folder: str
    experiment: str
    data: tuple[Json, ...]  # what its scores are of
    fields: Mapping[str, str]  # of its config, and its origin, the run that it started from
    made: str  # when
    results: Mapping[str, Json]
    rows: Sequence[Mapping[str, Json]]
    num_steps: int | None
    each: Mapping[str, np.ndarray]
    picture: bytes | None
    is_older: bool = False  # whether it had scores, of fewer epochs than it has by now


def read_compared(path: Path) -> Compared:
    """What is compared of a run.

    Raises:
        UsageError: no run folder, or a file of it that cannot be read.
    """
    path = folder.open_run(path)
    folder.check_files(path, folder.METRICS, folder.RESULTS, folder.SCORES)
    folder.check_folders(path, "figures")
    dataset, config = folder.read_dataset(path), read_config(path / folder.CONFIG)
    origin = read_origin(path).get("origin", {"run": "none"})
    fields = {field.path: field.value for field in told(config)} | {"origin": "/".join(Path(origin["run"]).parts[-2:])}
    kind = preprocess(config, read_columns(dataset, path / folder.DATASET)).defined_on
    scores, pictures = path / folder.SCORES, [path / "figures" / f"{name}.png" for name in _DRAWN]
    results, rows = read_results(path), folder.read_metrics(path)
    is_older = epochs_trained(path, rows) > (results.get("num_epochs") or math.inf)
    return Compared(
        folder="/".join(path.parts[-2:]),
        experiment=dataset["experiment"],
        data=(dataset["dataset"], tuple(dataset["x_shape"]), dataset["crc32"], kind, *(fields[f] for f in _OF_DATA)),
        fields=fields,
        made=_made(path),
        results={} if is_older else results,
        rows=rows,
        num_steps=dataset.get("num_steps"),
        each=read_npz(scores) if scores.exists() and not is_older else {},
        picture=next((picture.read_bytes() for picture in pictures if picture.is_file()), None),
        is_older=is_older,
    )


def _made(path: Path) -> str:
    """When a run was made, by its name, which a copy has too; of one that was given a name by the time of a file."""
    try:
        made = time.strptime("_".join(path.name.split("_")[:2]), STAMP)
    except ValueError:
        made = time.localtime((path / folder.DATASET).stat().st_mtime)
    return time.strftime(STAMP, made)


def newest_of_seeds(runs: Sequence[Compared]) -> tuple[list[Compared], list[str]]:
    """The runs without those that another repeats, of the same config, origin, data and seed, and what is said of them.

    A finished one stays before an unfinished one, then the newest: of one seed there is no error over seeds.
    """
    best: dict[tuple, Compared] = {}
    for run in sorted(runs, key=lambda run: (bool(run.results), run.made)):
        best[_identity(run)] = run
    kept, said = [], []
    for run in runs:
        if (newest := best[_identity(run)]) is run:
            kept.append(run)
        else:
            said.append(f"{run.folder}, of the same config, origin and seed as {newest.folder}, which is taken")
    return kept, said


def names_of(results: Mapping[str, Json]) -> list[str]:
    """The scores that a run has; a bound of K samples is one of its own for each K."""
    has = [name for name in SCORES if type(results.get(name)) in (int, float)]
    return [f"{name}:{results.get('num_samples')}" if name == "test_log_likelihood" else name for name in has]


def seconds(run: Compared) -> float | None:
    """How long a run has trained; None where nothing says."""
    return run.results.get("train_seconds") or (run.rows[-1].get("seconds") if run.rows else None)


def _identity(run: Compared) -> tuple:
    return (run.data, run.experiment, *run.fields.items())
