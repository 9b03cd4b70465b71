"""The ELBO as what it is, a function of q's two numbers: a Gamma density climbs it towards a Normal one."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import scipy.optimize
import scipy.stats
from jax.scipy.special import digamma, gammaln
from jaxtyping import Array, Float
from matplotlib.animation import Animation, FuncAnimation
from matplotlib.figure import Figure

_MEAN, _SIGMA = 3.0, 1.0  # of the target
_START = (2.0, 2.0)  # shape and rate of the first q
_FRAMES = 50
_GRID = (np.arange(20_000) + 0.5) * 1e-3  # midpoints on (0, 20)


class Path(NamedTuple):
    """Shape and rate before each step, the ELBO there, and its derivatives by their logarithms."""

    numbers: np.ndarray  # [T, 2]
    elbo: np.ndarray  # [T]
    derivative: np.ndarray  # [T, 2]


def elbo(log_numbers: Float[Array, "2"]) -> Float[Array, ""]:
    """E_q[log p(z)] + H(q) of q = Gamma(a, b) and p = N(m, s^2), in nats, in closed form.

    -1/2 log(2 pi s^2) - (a / b^2 + (a / b - m)^2) / (2 s^2) + a - log b + log Gamma(a) + (1 - a) digamma(a)
    """
    a, b = jnp.exp(log_numbers)
    square = a / b**2 + (a / b - _MEAN) ** 2
    entropy = a - log_numbers[1] + gammaln(a) + (1 - a) * digamma(a)
    return entropy - square / (2 * _SIGMA**2) - 0.5 * jnp.log(2 * jnp.pi * _SIGMA**2)


def ascend(*, num_steps: int = 1000, step_size: float = 0.05) -> Path:
    """Plain gradient ascent of the logarithms of shape and rate."""

    def step(log_numbers: Array, _: None) -> tuple[Array, tuple[Array, Array, Array]]:
        value, slope = jax.value_and_grad(elbo)(log_numbers)
        return log_numbers + step_size * slope, (jnp.exp(log_numbers), value, slope)

    run = jax.jit(lambda start: jax.lax.scan(step, start, length=num_steps)[1])
    return Path(*map(np.asarray, run(jnp.log(jnp.array(_START)))))


def by_quadrature(numbers: np.ndarray) -> float:
    """The same ELBO as a sum over a grid of z, from scipy's densities in float64."""
    log_q = scipy.stats.gamma.logpdf(_GRID, numbers[0], scale=1 / numbers[1])
    gap = scipy.stats.norm.logpdf(_GRID, _MEAN, _SIGMA) - log_q
    return float(np.sum(np.exp(log_q) * gap) * (_GRID[1] - _GRID[0]))


def best_by_quadrature() -> tuple[np.ndarray, float]:
    """The shape and the rate at which that sum is largest, by a search without derivatives, and the sum there."""
    found = scipy.optimize.minimize(
        lambda log_numbers: -by_quadrature(np.exp(log_numbers)),
        np.log(_START),
        method="Nelder-Mead",
        options={"xatol": 1e-6, "fatol": 1e-10, "maxiter": 400},
    )
    return np.exp(found.x), -float(found.fun)


def gamma_elbo_figure() -> tuple[Animation, list[str]]:
    """Both densities, the ELBO and its derivatives while q moves; and the maximum that quadrature finds."""
    found, (best, largest) = ascend(), best_by_quadrature()
    last = found.numbers[-1]
    return _animated(found, largest), [
        f"ELBO: {found.elbo[-1]:.5f}, by quadrature {by_quadrature(last):.5f}, its maximum {largest:.5f}",
        f"shape and rate: {last[0]:.3f} and {last[1]:.3f}, at the maximum {best[0]:.3f} and {best[1]:.3f}",
        f"largest derivative at the end: {np.abs(found.derivative[-1]).max():.1e}, exact 0",
    ]


def _animated(found: Path, largest: float) -> Animation:
    figure = Figure(figsize=(11, 3.4), layout="constrained")
    density, bound, derivative = figure.subplots(1, 3)
    z, steps = np.linspace(1e-3, 7, 400), np.arange(len(found.elbo))
    density.plot(z, scipy.stats.norm.pdf(z, _MEAN, _SIGMA), color="black", linestyle="--", label="p(z)")
    (q,) = density.plot([], [], label="q(z)")
    density.set(xlabel="z", ylim=(0, 0.9), xlim=(0, 7))
    density.legend(frameon=False, loc="upper right")
    bound.plot(steps, found.elbo, color="lightgrey")
    bound.axhline(largest, color="black", linestyle="--", linewidth=1, label="maximum by quadrature")
    bound.set(xlabel="steps", ylabel="ELBO, nats")
    bound.legend(frameon=False, loc="lower right")
    derivative.axhline(0, color="black", linestyle="--", linewidth=1)
    for values, label in zip(found.derivative.T, ("log shape", "log rate"), strict=True):
        derivative.plot(steps, values, label=f"by {label}")
    derivative.set(xlabel="steps", ylabel="derivative of the ELBO")
    derivative.legend(frameon=False)
    for axes in (bound, derivative):
        axes.set_xscale("symlog", linthresh=10)
        axes.set_xlim(0, len(steps))
    dots = [axes.plot([], [], "o", color="C3")[0] for axes in (bound, derivative, derivative)]

    def draw(step: int) -> list:
        q.set_data(z, scipy.stats.gamma.pdf(z, found.numbers[step, 0], scale=1 / found.numbers[step, 1]))
        for dot, values in zip(dots, (found.elbo, *found.derivative.T), strict=True):
            dot.set_data([step], [values[step]])
        density.set_title(f"step {step}: ELBO {found.elbo[step]:.3f}", fontsize="medium")
        return [q, *dots]

    shown = np.unique(np.geomspace(1, len(steps), _FRAMES).astype(int) - 1)
    return FuncAnimation(figure, draw, frames=[*shown.tolist()], blit=False)
