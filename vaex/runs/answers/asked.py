"""What a trained model can be asked about images or rows: each question a function of model, these and options."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jax
import numpy as np
from matplotlib.figure import Figure

from vaex import figures
from vaex.data.conditions import modelled
from vaex.data.given.kept import GivenImages, in_units, part, shown
from vaex.data.tabular.named import completed
from vaex.errors import UsageError, check_fraction, check_seed, check_whole
from vaex.evaluate.comparison import standard_error
from vaex.model import Latent
from vaex.models.columns import Column
from vaex.runs.answers.annealing import annealed
from vaex.runs.trained import Trained


class Asked(NamedTuple):
    """What is asked of a model, beside the images; each command reads its own."""

    seed: int = 0
    num_samples: int = 500  # K
    steps: int = 9  # of a path
    missing: float | None = None  # the fraction of pixels, or of values, to hide
    ais: int | None = None  # temperatures of annealed importance sampling, in the place of L_K


class Answer(NamedTuple):
    """What a command writes."""

    said: str  # what has been done
    arrays: Mapping[str, np.ndarray]  # of the npz file
    table: Mapping[str, np.ndarray] | None = None  # of these the CSV file has the columns, a line for each image
    figure: Figure | None = None  # of rows there is none


def encode(model: Trained, given: GivenImages, asked: Asked) -> Answer:
    """The means and variances of q(z|x)."""
    found = model.encode(given, seed=asked.seed)
    arrays = {**named_leaves("mean", found.mean), **named_leaves("variance", found.variance)}
    return Answer(f"q(z|x) of {_count(given)}", arrays, arrays)


def reconstruct(model: Trained, given: GivenImages, asked: Asked) -> Answer:
    """E[p(x|z)] at the mean of q(z|x), beside what it is of."""
    means, images = model.reconstruct(given, seed=asked.seed), _shown(model, given)
    arrays, said = {"images": images, "means": means}, f"reconstructions of {_count(given)}"
    if model.kept.columns:
        return Answer(said, {**arrays, "columns": _names(model)}, model.named(means))
    return Answer(said, arrays, figure=figures.reconstructed(images, means))


def interpolate(model: Trained, given: GivenImages, asked: Asked) -> Answer:
    """Paths from the first image to the second, from the third to the fourth, and so on."""
    num_pairs = len(given.images) // 2
    if not num_pairs:
        raise UsageError(f"found {_count(given)}: expected two or more, to interpolate between pairs of them")
    starts, ends = (part(given, slice(i, 2 * num_pairs, 2)) for i in range(2))
    paths = model.interpolate(starts, ends, steps=asked.steps, seed=asked.seed)
    said = f"paths of {asked.steps} steps between {num_pairs} pairs of {_what(given, 2)}"
    return Answer(said, {"paths": paths}, figure=None if model.kept.columns else figures.paths(paths))


def score(model: Trained, given: GivenImages, asked: Asked) -> Answer:
    """L_K of each image in nats, or annealed importance sampling, and the standard error of its estimate."""
    if asked.ais is None:
        name, found = (
            f"L_{asked.num_samples}",
            model.log_likelihood(given, num_samples=asked.num_samples, seed=asked.seed),
        )
    else:
        name, found = "log p(x) by AIS", annealed(model, given, num_temperatures=asked.ais, seed=asked.seed)
    values = np.asarray(found.log_likelihood)
    error = standard_error(values)
    sure = "" if error is None else f" ± {error:.2f}"
    said = f"{name} of {_count(given)}, {values.mean():.2f}{sure} nats on average"
    return Answer(said, found._asdict(), found._asdict())


def impute(model: Trained, given: GivenImages, asked: Asked) -> Answer:
    """The conditional mean of the pixels that are missing."""
    if asked.missing is not None:
        shape, hidden = given.images.shape, np.random.default_rng(asked.seed)
        seen = hidden.random(shape, np.float32) >= asked.missing
        given = given._replace(mask=seen if given.mask is None else seen & given.mask)
    means = model.impute(given, num_samples=asked.num_samples, seed=asked.seed)
    assert given.mask is not None, "impute refuses images without one"
    mask, images = modelled(given.mask, model.kept.by.condition), _shown(model, given)
    said = f"what is missing of {_count(given)}, {1 - mask.mean():.0%} of "
    if model.kept.columns:
        arrays = {"images": means, "mask": mask, "columns": _names(model)}
        rows = model.named(means)
        table = rows if given.cells is None else completed(given.cells(), rows, mask)
        return Answer(f"{said}their values", arrays, table)
    arrays = {"images": means, "mask": mask}
    return Answer(f"{said}their pixels", arrays, figure=figures.imputed(images, mask, means))


def classify(model: Trained, given: GivenImages, asked: Asked) -> Answer:
    """The label of each image by q(y|x), and the probabilities of all."""
    found = model.classify(given, seed=asked.seed)
    arrays = {"class": found.label, "probability": found.probability}
    labels = np.full(len(found.label), -1) if given.labels is None else given.labels
    known, right = labels >= 0, ""
    if known.any():
        of = "" if known.all() else f"of the {known.sum():,} with a label "
        right = f", {of}{np.mean((found.label == labels)[known]):.1%} as they are labelled"
    table = arrays
    if (label := model.kept.label) is not None:  # whose classes have names
        of_each = zip(label.classes, found.probability.T, strict=True)
        table = {"class": class_names(label, found.label), **{f"probability_{name}": p for name, p in of_each}}
    return Answer(f"classes of {_count(given)}{right}", arrays, table)


ANSWERS: dict[str, Callable[[Trained, GivenImages, Asked], Answer]] = {
    "encode": encode,
    "reconstruct": reconstruct,
    "interpolate": interpolate,
    "score": score,
    "impute": impute,
    "classify": classify,
}


def check_asked(asked: Asked) -> None:
    """Raise an OptionError for a number that cannot be."""
    check_seed(**{"--seed": asked.seed})
    check_whole(**{"--num-samples": asked.num_samples, "--ais": asked.ais})
    check_whole(2, **{"--steps": asked.steps})
    check_fraction(**{"--missing": asked.missing})


def class_names(label: Column, numbers: np.ndarray) -> np.ndarray:
    """The names of a label's classes, [N], "" of -1, which is none."""
    return np.array([*label.classes, ""], object)[numbers]


def named_leaves(name: str, z: Latent) -> dict[str, np.ndarray]:
    """The arrays of latents by their names: z, of a tuple z_1, z_2, ..., of a label and a style z.y and z.z."""
    leaves, _ = jax.tree_util.tree_flatten_with_path(z)
    return {"".join([name, *map(_part, place)]): leaf for place, leaf in leaves}


def _part(key: Any) -> str:
    return f"_{key.idx + 1}" if isinstance(key, jax.tree_util.SequenceKey) else str(key)


def _shown(model: Trained, given: GivenImages) -> np.ndarray:
    return in_units(shown(given.images, model.kept), model.kept)


def _names(model: Trained) -> np.ndarray:
    return np.array([column.name for column in model.kept.columns])


def _count(given: GivenImages) -> str:
    return f"{len(given.images):,} {_what(given, len(given.images))}"


def _what(given: GivenImages, count: int) -> str:
    one = "row" if given.images.ndim == 2 else "image"
    return one if count == 1 else f"{one}s"
