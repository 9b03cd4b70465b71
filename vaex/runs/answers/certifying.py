"""How well log p(x) of a trained run is known: a line, and JSON and a figure in answers/ of its folder."""

from pathlib import Path

import jax
import numpy as np

from vaex import figures
from vaex.config.keys import TEST_KEY
from vaex.data.given.kept import part
from vaex.errors import OptionError, check_seed, check_whole
from vaex.evaluate.certificate import REPORTED, TRUSTED, Certificate, Lower, certificate, lower_end
from vaex.files import Fields, advising, replaced
from vaex.runs import checkpoints, console, folder
from vaex.runs.answers.annealing import as_seen, check_moves
from vaex.runs.answers.answering import images_of
from vaex.runs.load import load

_OTHERS = 20  # images after those that are certified, on which the schedules are found


def certify(
    run: str,
    name: str = "",
    *,
    num_images: int = 100,
    num_temperatures: int = 400,
    num_chains: int = 16,
    num_samples: int = 100_000,
    seed: int = 0,
) -> Path:
    """Bracket log p(x) of a run's model on the first images of an INPUT, or of its test images, and on drawn ones.

    Args:
        run: its folder.
        name: an INPUT; "" for the run's test images.
        num_images: how many.
        num_temperatures: of a chain.
        num_chains: of each image and each direction.
        num_samples: the largest K.
        seed: of everything that is drawn.

    Raises:
        UsageError: not a run folder, no such images, or a model of which there is no certificate.
    """
    check_seed(**{"--seed": seed})
    check_whole(2, **{"--num-images": num_images, "--num-chains": num_chains})
    check_whole(**{"--num-temperatures": num_temperatures, "--num-samples": num_samples})
    options = {"num_temperatures": num_temperatures, "num_chains": num_chains, "num_samples": num_samples}
    path = folder.open_run(run)
    again = f"the run is whole: make room there, then make certify {folder.as_run(path)}"
    with folder.locked(path), advising(lambda: again):
        model = load(path)
        given = images_of(path, model, "certify", name)
        first, some = part(given, slice(num_images)), part(given, slice(num_images + _OTHERS))
        if len(first.images) < 2:
            raise OptionError("INPUT", f"{len(first.images)} example", "two or more")
        seen = model.preprocess(some, seed=seed)
        check_moves(as_seen(model, first), seen, "score its images by L_K")
        what = model.kept.examples
        console.say(f"certifying log p(x) of {len(first.images)} {what}: by default about ten minutes on two cores")
        examples, others = (jax.tree.map(lambda a, s=s: a[s], seen) for s in (np.s_[:num_images], np.s_[num_images:]))
        elsewhere = others if len(some.images) == num_images + _OTHERS else None
        key = jax.random.fold_in(jax.random.key(seed), TEST_KEY)  # which no image's is
        found = certificate(key, as_seen(model, first), examples, others=elsewhere, **options)
        _write(path, folder.answer_file(path, "certify", name), found, {"seed": seed, **options}, what)
    return path


def _write(path: Path, stem: Path, found: Certificate, options: Fields, what: str) -> None:
    file, png = (stem.with_name(f"{stem.name}.{ending}") for ending in ("json", "png"))
    folder.write_json(file, {**as_dict(found), "options": options})
    sets = {f"test {what}": found.test, f"{what} that the model drew": found.drawn}
    bounds = {name: np.mean(lower.log_likelihood, axis=0) for name, lower in sets.items()}
    starts = {name: _starts(lower) for name, lower in sets.items()}
    title = f"{folder.read_dataset(path)['experiment']}, epoch {checkpoints.best_epoch(path)}"
    with replaced(png) as out:
        drawn = figures.certified(found.counts, bounds, starts, found.interval)
        figures.titled(drawn, title).savefig(out, format="png")
    console.say(f"{said(found, what)}: {folder.shown(file)}, {folder.shown(png)}")


def as_dict(found: Certificate) -> Fields:
    """All that a certificate has, and its means, as JSON."""
    low, high = found.interval
    return {
        "log_likelihood_interval_of_drawn_images": [low, high],
        "width": found.width,
        "annealed_lower_end_of_test_images": lower_end(found.test),
        "counts": list(found.counts),
        "test": _means(found.test),
        "drawn": {**_means(found.drawn), "reverse": float(found.upper.mean())},
        "not_to_be_trusted": found.not_to_be_trusted.tolist(),
        "per_image": {
            "test": {name: np.asarray(values).tolist() for name, values in found.test._asdict().items()},
            "drawn": {name: np.asarray(values).tolist() for name, values in found.drawn._asdict().items()},
            "reverse": found.upper.tolist(),
        },
    }


def said(found: Certificate, what: str) -> str:
    """A line of it, which calls examples so."""
    low, high = found.interval
    means = found.test.log_likelihood.mean(axis=0)
    bounds = {k: f"L_{k} {mean:.2f}" for k, mean in zip(found.counts, means, strict=True) if k >= REPORTED}
    of_test = ", ".join(
        [f"AIS {found.test.annealed.mean():.2f}, at least {lower_end(found.test):.2f}", *bounds.values()]
    )
    return (
        f"log p(x) of {len(found.upper)} {what} that the model drew: from {low:.2f} to {high:.2f} nats, "
        f"{found.width:.2f} wide; of as many test {what}: {of_test}; importance weights of "
        f"{len(found.not_to_be_trusted)} of these are not to be trusted (Pareto k above {TRUSTED})"
    )


def _means(found: Lower) -> Fields:
    return {name: np.mean(values, axis=0).tolist() for name, values in found._asdict().items()}


def _starts(found: Lower) -> dict[str, float]:
    return {"q(z|x)": float(np.mean(found.annealed)), "p(z)": float(np.mean(found.annealed_from_prior))}
