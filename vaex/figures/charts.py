"""Latents of which a plane shows all: how a point of the plane stands for a z, and a z for a point."""

import functools
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from scipy.special import ndtri

from vaex.distributions import PowerSpherical, UniformMixture, UniformOnSphere
from vaex.figures.plots import MEANS
from vaex.model import Distribution


class Chart(NamedTuple):
    """A plane of latents."""

    grid: Callable[[int], np.ndarray]  # how many side by side -> rows of points z, [rows * side, d]
    place: Callable[[np.ndarray], np.ndarray]  # z, [N, d] -> points of the plane, [N, 2]
    axes: tuple[str, str]  # what its axes are
    where: str  # what the grid is, in words


@functools.singledispatch
def chart(p: Distribution, num: int) -> Chart | None:
    """The plane of two latents, in whose grid each point stands for as much of p(z) = N(0, I); None of more.

    Args:
        p: the prior.
        num: how many numbers z has.
    """
    return Chart(manifold_grid, lambda z: z, MEANS, "z on the inverse normal CDF of a grid") if num == 2 else None


@chart.register(UniformOnSphere)
@chart.register(PowerSpherical)
def _(p: Distribution, num: int) -> Chart | None:
    """The circle itself, and the map of a sphere that Lambert's cylinder makes, of equal areas: of larger ones none."""
    if num == 2:
        return Chart(_circle, lambda z: z, MEANS, "z around the circle")
    names = "longitude of $E_q[z]$, half turns", "sine of its latitude"
    return Chart(_sphere_grid, _on_map, names, "z on a map of the sphere, of equal areas") if num == 3 else None


chart.register(UniformMixture, lambda p, num: chart(p.components, num))


def _middles(num: int) -> np.ndarray:
    return (np.arange(num) + 0.5) / num


def _plane(across: np.ndarray, down: np.ndarray) -> np.ndarray:
    """All pairs, row by row: [rows * side, 2]."""
    return np.stack([np.tile(across, len(down)), np.repeat(down, len(across))], axis=-1)


def manifold_grid(side: int) -> np.ndarray:
    """Points of a square grid through the inverse normal CDF, so that each stands for equal prior mass: [side^2, 2].

    Source: Kingma and Welling 2013, figure 4.
    """
    u = ndtri(_middles(side))
    return _plane(u, u[::-1]).astype(np.float32)


def _circle(side: int) -> np.ndarray:
    angle = 2 * np.pi * _middles(side)
    return np.stack([np.cos(angle), np.sin(angle)], axis=-1).astype(np.float32)


def _sphere_grid(side: int) -> np.ndarray:
    longitude, sine = _plane(np.pi * (2 * _middles(side) - 1), 1 - 2 * _middles(side // 2)).T
    cosine = np.sqrt(1 - sine**2)
    return np.stack([cosine * np.cos(longitude), cosine * np.sin(longitude), sine], axis=-1).astype(np.float32)


def _on_map(z: np.ndarray) -> np.ndarray:
    length = np.maximum(np.linalg.norm(z, axis=-1), 1e-12)
    return np.stack([np.arctan2(z[:, 1], z[:, 0]) / np.pi, z[:, 2] / length], axis=-1)
