"""Latents on a sphere beside Gaussian ones of as many dimensions: table 1 of Davidson et al. 2018, on MNIST."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from matplotlib.figure import Figure

from vaex.config import override
from vaex.config.stored import read_object
from vaex.errors import OptionError
from vaex.runs.experiments import load_experiment
from vaex.runs.folder import RESULTS

from ._trained import run_of


class Score(NamedTuple):
    """Of a run: what it is of, L_500 and the ELBO of test images, in nats."""

    dataset: str
    log_likelihood: float
    elbo: float


# The dimensions: log p(x) with the standard deviation of ten runs, on the sphere and in the plane.
PUBLISHED = {
    2: {"spherical": (-132.50, 0.73), "diagonal": (-135.73, 0.83)},
    5: {"spherical": (-108.43, 0.09), "diagonal": (-110.21, 0.21)},
    10: {"spherical": (-93.16, 0.31), "diagonal": (-93.84, 0.30)},
    20: {"spherical": (-89.02, 0.31), "diagonal": (-88.90, 0.26)},
    40: {"spherical": (-90.87, 0.34), "diagonal": (-88.93, 0.30)},
}
NAMES = {"spherical": "on a sphere", "diagonal": "Gaussian"}


def train(posterior: str, size: int) -> Score:
    """Train mnist_sphere in runs/spheres with a posterior of some dimensions; what is there is not trained again."""
    numbers = size + 1 if posterior == "spherical" else size  # a sphere of two dimensions lies in three
    flags = [f"--config.model.latent_dim={numbers}"]
    flags += [] if posterior == "spherical" else [f"--config.model.posterior.name={posterior}"]
    path = run_of("mnist_sphere", override(load_experiment("mnist_sphere"), flags), runs=Path("runs/spheres"))
    names = ("dataset", "test_log_likelihood", "test_elbo")
    found = read_object(path / RESULTS, dict.fromkeys(names[1:], float) | {"dataset": str})
    return Score(*(found[name] for name in names))


def spheres_figure(train: Callable[[str, int], Score] = train, *, dims: str = "2,5,10") -> tuple[Figure, list[str]]:
    """L_500 of each beside the published one, which is of von Mises and Fisher's distribution.

    Args:
        train: (posterior, dimensions) -> its score.
        dims: dimensions, with commas between.
    """
    known = {str(size): size for size in PUBLISHED}
    if unknown := [word for word in dims.split(",") if word not in known]:
        raise OptionError("--dims", unknown[0], f"some of {', '.join(known)}")
    sizes = [known[word] for word in dims.split(",")]
    figure = Figure(figsize=(5, 3.6), layout="constrained")
    axes, lines = figure.subplots(), []
    for posterior, color in (("spherical", "C0"), ("diagonal", "C1")):
        found = {size: train(posterior, size) for size in sizes}
        theirs = {size: PUBLISHED[size][posterior] for size in sizes}
        means, errors = zip(*theirs.values(), strict=True)
        name = NAMES[posterior]
        axes.errorbar(sizes, means, errors, fmt="--o", color=color, fillstyle="none", label=f"{name}, published")
        axes.plot(sizes, [score.log_likelihood for score in found.values()], "-o", color=color, label=f"{name}, found")
        lines += [_told(name, size, score, *theirs[size]) for size, score in found.items()]
    axes.set(xlabel="dimensions", ylabel="L_500 of test images, nats", xscale="log")
    axes.set_xticks(sizes, [str(size) for size in sizes])
    axes.minorticks_off()
    axes.legend(frameon=False, fontsize="small")
    return figure, lines


def _told(name: str, size: int, score: Score, published: float, deviation: float) -> str:
    return (
        f"{size} dimensions, {name}, {score.dataset}, L_500, nats: published {published:.2f} ± {deviation:.2f}, found "
        f"{score.log_likelihood:.2f} (ELBO {score.elbo:.2f}), {score.log_likelihood - published:+.2f}"
    )
