"""Drawing from a trained run."""

from pathlib import Path

import jax
import numpy as np

from vaex.data.given.kept import Kept
from vaex.data.given.under import to_sample
from vaex.data.npz import write_npz
from vaex.errors import check_finite, check_seed, check_whole
from vaex.files import advising, replaced
from vaex.runs import console, folder
from vaex.runs.answers.answering import as_csv
from vaex.runs.answers.asked import class_names, named_leaves
from vaex.runs.load import load


def sample(run: str, num_samples: int, seed: int, label: str | None = None, temperature: float = 1.0) -> Path:
    """Draw from a run's best checkpoint: figures/samples.png, and samples.npz with the means and draws.

    Where labels are the condition, from p(x|label), or from that of each label in turn.
    """
    check_whole(**{"--num-samples": num_samples})
    check_seed(**{"--seed": seed})
    check_finite(0, **{"--temperature": temperature})
    path = folder.open_run(run)
    from vaex import figures
    from vaex.runs import checkpoints

    again = f"the run is whole: make room there, then make sample {folder.as_run(path)}"
    with folder.locked(path), advising(lambda: again):
        model = load(path)
        said = _said(label, model.kept)
        under = to_sample(said, model.kept, num_samples, key=jax.random.key(seed), what="--label")
        drawn = model.sample(num_samples, temperature=temperature, condition=said, seed=seed)
        latents = named_leaves("z", drawn.z)
        with replaced(path / folder.SAMPLES) as file:
            write_npz(file, {**latents, "means": drawn.mean, "samples": drawn.x})
        if model.kept.columns:  # rows are no pictures
            table = (path / folder.SAMPLES).with_suffix(".csv")
            columns = model.named(np.asarray(drawn.x))
            of_latents = next((leaf for place, leaf in latents.items() if place.endswith(".y")), None)
            labels = of_latents if under is None else under  # one-hot
            if model.kept.label is not None and labels is not None:
                columns[model.kept.label.name] = class_names(model.kept.label, np.argmax(labels, axis=1))
            with replaced(table) as file:
                file.write(as_csv(columns).encode("utf-8", "replace"))
            console.say(f"{num_samples} samples: {folder.shown(table)} and {folder.shown(path / folder.SAMPLES)}")
            return path
        in_turn = model.kept.by.num_classes if model.kept.needs_labels and label is None else 0
        title = f"{folder.read_dataset(path)['experiment']}, epoch {checkpoints.best_epoch(path)}"
        title += "" if label is None else f", label {label}"
        title += "" if temperature == 1 else f", temperature {temperature:g}"
        figure = figures.titled(figures.of_samples(np.asarray(drawn.mean), labels=in_turn), title)
        folder.save_figure(path, "samples", figure)
    written = (path / "figures" / "samples.png", path / folder.SAMPLES)
    console.say(f"{num_samples} samples: {' and '.join(map(folder.shown, written))}")
    return path


def _said(label: str | None, kept: Kept) -> int | str | None:
    """The text of one of a table's classes, else the number that it is."""
    if label is None or (kept.label is not None and label in kept.label.classes):
        return label
    return int(label) if label.removeprefix("-").isdecimal() else label
