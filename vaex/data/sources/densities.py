"""Densities in the plane that are known, and points drawn from them by a fixed seed."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int
from scipy.special import ive, logsumexp

from vaex.choices import find
from vaex.data.sources.place import Arrays

NUM_TRAIN, NUM_TEST = 10_000, 2_000
Points = Float[np.ndarray, "n 2"]
_MOONS = 0.1  # the deviation of the noise around each half circle
_RADII, _RINGS = (0.75, 1.5, 2.25, 3.0), 0.08
_EIGHT = 0.5 / 2**0.5


class Density(NamedTuple):
    """A density p(x) of points in the plane, which falls into parts."""

    draw: Callable[[np.random.Generator, Int[np.ndarray, " n"]], Points]  # (rng, part of each point) -> points
    num_parts: int  # of equal weight
    log_prob: Callable[[Points], Float[np.ndarray, " n"]] | None  # in nats; None where it has no closed form


def _half_circles(part: np.ndarray, angle: np.ndarray) -> np.ndarray:
    upper = np.stack([np.cos(angle), np.sin(angle)], axis=-1)
    return np.where(part[..., None] == 0, upper, np.array([1.0, 0.5]) - upper)


def _draw_moons(rng: np.random.Generator, part: np.ndarray) -> np.ndarray:
    return _half_circles(part, rng.uniform(0, np.pi, len(part))) + _MOONS * rng.normal(size=(len(part), 2))


def _log_moons(x: np.ndarray) -> np.ndarray:
    """The mean over the angle by Gauss and Legendre, whose nodes are half of the noise apart."""
    nodes, weights = np.polynomial.legendre.leggauss(100)
    centres = np.concatenate([_half_circles(np.full(100, part), np.pi / 2 * (nodes + 1)) for part in (0, 1)])
    return _log_mixture(x, centres, _MOONS, np.tile(weights / 4, 2))


def _draw_rings(rng: np.random.Generator, part: np.ndarray) -> np.ndarray:
    angle = rng.uniform(0, 2 * np.pi, len(part))
    ring = np.array(_RADII)[part, None] * np.stack([np.cos(angle), np.sin(angle)], axis=-1)
    return ring + _RINGS * rng.normal(size=ring.shape)


def _log_rings(x: np.ndarray) -> np.ndarray:
    """The mean over the angle of exp(x . centre / sigma^2) is a modified Bessel function of the radii's product."""
    radius, of_ring = np.hypot(*x.T)[:, None], np.array(_RADII)
    squares = -0.5 * ((radius - of_ring) / _RINGS) ** 2
    each = squares + np.log(ive(0, radius * of_ring / _RINGS**2)) - np.log(2 * np.pi * _RINGS**2)
    return logsumexp(each, axis=1) - np.log(len(_RADII))


def _eight_centres() -> np.ndarray:
    angle = np.arange(8) * np.pi / 4
    return 4 / 2**0.5 * np.stack([np.cos(angle), np.sin(angle)], axis=-1)


def _draw_eight(rng: np.random.Generator, part: np.ndarray) -> np.ndarray:
    return _eight_centres()[part] + _EIGHT * rng.normal(size=(len(part), 2))


def _draw_pinwheel(rng: np.random.Generator, part: np.ndarray) -> np.ndarray:
    along, across = np.array([[1.0], [0.0]]) + np.array([[0.3], [0.1]]) * rng.normal(size=(2, len(part)))
    turn = 2 * np.pi / 5 * part + 0.25 * np.exp(along)
    turned = [np.cos(turn) * along - np.sin(turn) * across, np.sin(turn) * along + np.cos(turn) * across]
    return 2 * np.stack(turned, axis=-1)


def _log_mixture(x: np.ndarray, centres: np.ndarray, sigma: float, weights: np.ndarray) -> np.ndarray:
    """Of isotropic Gaussians."""
    squares = np.square((x[:, None] - centres) / sigma).sum(axis=-1)
    return logsumexp(-0.5 * squares, b=weights, axis=1) - np.log(2 * np.pi * sigma**2)


# Two half circles, as scikit-learn's make_moons; the others as in Grathwohl et al. 2019, of whom the pinwheel is from
# Johnson et al. 2016.
DENSITIES: dict[str, Density] = {
    "two_moons": Density(_draw_moons, 2, _log_moons),
    "rings": Density(_draw_rings, len(_RADII), _log_rings),
    "eight_gaussians": Density(_draw_eight, 8, lambda x: _log_mixture(x, _eight_centres(), _EIGHT, np.full(8, 1 / 8))),
    "pinwheel": Density(_draw_pinwheel, 5, None),
}


def points(name: str) -> Arrays:
    """10,000 points to train on and 2,000 to test on, float32 [N, 2], with the part of each for a label.

    Raises:
        UsageError: no such density.
    """
    density = find(DENSITIES, name, "what stands behind toy: in data.name")
    rng = np.random.default_rng(0)
    found = {}
    for split, n in (("train", NUM_TRAIN), ("test", NUM_TEST)):
        labels = rng.integers(density.num_parts, size=n)
        found[f"{split}_images"] = density.draw(rng, labels).astype(np.float32)
        found[f"{split}_labels"] = labels
    return found


def log_prob_of(name: str) -> Callable[[Points], Float[np.ndarray, " n"]] | None:
    """The exact log p(x) of the data set of a name, toy:two_moons say; None where it is not known."""
    source, _, density = name.partition(":")
    return DENSITIES[density].log_prob if source == "toy" else None
