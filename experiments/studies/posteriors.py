"""One image of MNIST and two latents: what six methods say of p(z|x), over the exact posterior on a grid."""

import time
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import optax
from matplotlib.figure import Figure

from vaex import data, inference
from vaex.choices import find
from vaex.inference.free_form import Grid
from vaex.model import Model

from ._vae import KEY, binarize, flat, of_digits, trained_vae

_OPTIMIZER = optax.adam(0.02)
_SIDE = 200  # cells of the grid to a side
_NUM_EPOCHS = {"mnist": 20, "digits": 60}


class Answer(NamedTuple):
    """Draws that a method makes, how many independent ones they are worth, its seconds, and log q on the grid."""

    z: np.ndarray  # [n, 2]
    size: float
    seconds: float
    log_q: np.ndarray | None = None  # of a density; None of draws


class Found(NamedTuple):
    """The exact posterior on a grid, and each method's answer by its name."""

    points: np.ndarray  # [n, 2], the midpoints of cells, row by row
    cell: float  # its area
    log_posterior: np.ndarray
    answers: dict[str, Answer]


def trained(dataset: str) -> tuple[Model, jax.Array]:
    """A VAE with two latents, and a test image, binarized."""
    num_epochs = find(_NUM_EPOCHS, dataset, "dataset")
    if dataset == "digits":
        model, images = of_digits(latent_dim=2, num_epochs=num_epochs)
    else:
        found = data.load(dataset)
        images, sizes = flat(found.test.images, 100), {"latent_dim": 2, "hidden": 200, "batch_size": 100}
        model = trained_vae(flat(found.train.images), **sizes, learning_rate=1e-3, num_epochs=num_epochs)
    return model, binarize(KEY, images[8])


def exact(model: Model, x: jax.Array) -> tuple[Grid, np.ndarray]:
    """p(z|x) by Bayes' rule, over [-4, 4]^2, and again where it has its mass until that fills the grid.

    Returns:
        The last grid, five standard deviations to each side of the mean, and log p(z|x) on it.
    """
    unit = inference.free_form.grid(low=-1.0, high=1.0, num_points=_SIDE, num_latents=2)

    @jax.jit
    def posterior(centre: jax.Array, half: jax.Array) -> tuple[Grid, jax.Array]:
        grid = Grid(centre + half * unit.points, unit.cell * half**2)
        method = inference.free_form.free_form(grid, step_size=1.0)  # Bayes' rule in one step
        return grid, method.step(None, method.init(None, model, x))[0].log_q

    centre, half = jnp.zeros(2), jnp.array(4.0)
    while True:
        grid, log_q = posterior(centre, half)
        share = jnp.exp(log_q) * grid.cell
        centre = share @ grid.points
        deviation = jnp.sqrt(jnp.max(share @ (grid.points - centre) ** 2))
        fills = jnp.maximum(5 * deviation, 10 * half / _SIDE)  # what one cell has is looked at five cells wide
        if fills > 0.7 * half:
            return grid, np.asarray(log_q)
        half = fills


def measure(model: Model, x: jax.Array, *, num_draws: int = 2000) -> Found:
    """Each method once, compiled before it is timed."""
    grid, log_posterior = exact(model, x)
    mixture = dist.MixtureSameFamily(
        dist.Categorical(logits=jnp.zeros(4)),
        dist.Normal(jnp.array([[1.0, 1.0], [1.0, -1.0], [-1.0, 1.0], [-1.0, -1.0]]) / 2, 0.5).to_event(1),
    )
    simulator, half = inference.abc.simulator(model), num_draws // 4

    def fitted(key: jax.Array, start: Any) -> Any:
        fit_key, draw_key = jax.random.split(key)
        method = inference.svi(start=start, optimizer=_OPTIMIZER)
        q = inference.iterate(fit_key, method, method.init(key, model, x), num_steps=500)[0].q
        return q.sample(draw_key, (num_draws,)), num_draws, jax.vmap(q.log_prob)(grid.points)

    def encoder(key: jax.Array) -> Any:
        q = model.encode(x)
        return q.sample(key, (num_draws,)), num_draws, jax.vmap(q.log_prob)(grid.points)

    def chains(key: jax.Array) -> Any:
        found = inference.sample(key, inference.hmc(), model, x, num_samples=half, num_chains=4)
        return found.pooled(), jnp.min(found.effective_sample_size), None

    pilot, key = jax.random.split(jax.random.key(1))
    schedule = inference.smc.find_schedule(pilot, model, x)

    def particles(key: jax.Array) -> Any:
        anneal_key, draw_key = jax.random.split(key)
        found = inference.smc.anneal(anneal_key, model, x, schedule=schedule, num_particles=num_draws)
        return found.resample(draw_key, num_draws), found.effective_sample_size, None

    def simulated(key: jax.Array) -> Any:
        found = inference.abc.rejection(key, simulator, x, tolerance=0.0, num_proposals=50 * num_draws)
        near = jnp.argsort(found.distance)[: num_draws // 4]  # the tolerance that keeps a two-hundredth
        return found.z[near], num_draws // 4, None

    ways: dict[str, Callable[[jax.Array], Any]] = {
        "q(z|x) of the encoder": encoder,
        "SVI, a Gaussian": lambda key: fitted(key, "posterior"),
        "SVI, a mixture of 4": lambda key: fitted(key, mixture),
        "HMC, 4 chains": chains,
        "SMC": particles,
        "ABC": simulated,
    }
    answers = {name: _timed(way, key) for name, way in ways.items()}
    return Found(np.asarray(grid.points), float(grid.cell), log_posterior, answers)


def _timed(way: Callable[[jax.Array], Any], key: jax.Array) -> Answer:
    compiled = jax.jit(way).lower(key).compile()
    start = time.perf_counter()
    z, size, log_q = jax.block_until_ready(compiled(key))
    seconds = time.perf_counter() - start
    return Answer(np.asarray(z), float(size), seconds, None if log_q is None else np.asarray(log_q))


def divergence(found: Found, answer: Answer, *, coarse: int = 10) -> float:
    """KL(q || p(z|x)) in nats: a sum over the grid, or of draws over cells ten times as wide, smoothed by half a draw.

    Of draws it is biased upwards, by about a cell in use for two draws, and those that are beyond the grid count as a
    cell whose mass is 1e-12.
    """
    if answer.log_q is not None:
        return float(np.sum(np.exp(answer.log_q) * (answer.log_q - found.log_posterior)) * found.cell)
    side = _SIDE // coarse
    wide = np.exp(found.log_posterior).reshape(side, coarse, side, coarse).sum(axis=(1, 3)) * found.cell
    counts, *_ = np.histogram2d(*answer.z.T, bins=side, range=_edges(found))
    counts, wide = np.append(counts, len(answer.z) - counts.sum()), np.append(wide, 0.0)
    share = counts / counts.sum()
    used = share > 0
    return float(np.sum(share[used] * np.log(share[used] / np.maximum(wide[used], 1e-12))))


def _edges(found: Found) -> list[tuple[float, float]]:
    """Where the grid begins and ends in each dimension."""
    half = found.cell**0.5 / 2
    return [(low - half, high + half) for low, high in zip(found.points[0], found.points[-1], strict=True)]


def posteriors_figure(*, dataset: str = "mnist") -> tuple[Figure, list[str]]:
    """The exact posterior with each method's density or draws over it, and a line for each: time, ESS and KL."""
    found = measure(*trained(dataset))
    figure = Figure(figsize=(12, 7), layout="constrained")
    across, up = found.points[::_SIDE, 0], found.points[:_SIDE, 1]
    picture = np.exp(found.log_posterior).reshape(_SIDE, _SIDE).T
    x_edges, y_edges = _edges(found)
    lines = []
    for axes, (name, answer) in zip(figure.subplots(2, 3).flat, found.answers.items(), strict=True):
        axes.contourf(across, up, picture, levels=12, cmap="Blues")
        if answer.log_q is None:
            axes.plot(*answer.z[:500].T, ".", color="C1", markersize=2)
        else:
            axes.contour(across, up, np.exp(answer.log_q).reshape(_SIDE, _SIDE).T, levels=5, colors="C1")
        axes.set(title=name, xlim=x_edges, ylim=y_edges)
        kl = divergence(found, answer)
        lines.append(f"{name}: {answer.seconds:.3f} s, ESS {answer.size:.0f}, KL to the exact posterior {kl:.3f} nats")
    return figure, lines
