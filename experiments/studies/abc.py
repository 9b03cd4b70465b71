"""Approximate Bayesian computation on a model whose posterior is known: what a tolerance costs, and what it gives."""

import jax
import jax.numpy as jnp
import numpy as np
from matplotlib.figure import Figure

from vaex.inference import abc
from vaex.models.exact import LinearGaussian

MODEL = LinearGaussian(jnp.ones((1, 1)), jnp.zeros(1), jnp.array([0.25]))  # z ~ N(0, 1), x ~ N(z, 1/4)
X = jnp.array([1.2])
TOLERANCES = (2.0, 1.0, 0.5, 0.1)
NUM_PROPOSALS = 200_000


def kept(tolerance: float, *, num_proposals: int = NUM_PROPOSALS) -> np.ndarray:
    """The latents that are kept at a tolerance, of that many draws from the prior."""
    simulator = abc.Simulator(MODEL.prior(), lambda key, z: MODEL.decode(z).sample(key))
    find = jax.jit(lambda key: abc.rejection(key, simulator, X, tolerance=tolerance, num_proposals=num_proposals))
    return np.asarray(abc.accepted(find(jax.random.key(0))))[:, 0]


def abc_figure() -> tuple[Figure, list[str]]:
    """The kept draws at four tolerances over the exact posterior, with their moments and how many they are."""
    exact = MODEL.posterior(X)
    mean, deviation = float(exact.mean[0]), float(exact.covariance_matrix[0, 0]) ** 0.5
    grid = np.linspace(-3, 3, 300)
    density = np.exp(-0.5 * ((grid - mean) / deviation) ** 2) / (deviation * np.sqrt(2 * np.pi))
    figure = Figure(figsize=(10, 2.8), layout="constrained")
    lines = []
    for axes, tolerance in zip(figure.subplots(1, len(TOLERANCES), sharey=True), TOLERANCES, strict=True):
        z = kept(tolerance)
        axes.hist(z, bins=60, range=(-3, 3), density=True, color="lightgrey", label="kept draws")
        axes.plot(grid, density, color="black", linewidth=1, label="p(z|x)")
        axes.set_title(f"tolerance {tolerance:g}, {len(z) / NUM_PROPOSALS:.1%} kept", fontsize="medium")
        axes.set_xlabel("z")
        lines.append(
            f"tolerance {tolerance:g}: mean {z.mean():.3f}, exact {mean:.3f}; standard deviation {z.std():.3f}, exact "
            f"{deviation:.3f}; {len(z):,} of {NUM_PROPOSALS:,} kept"
        )
    figure.axes[0].legend(frameon=False, fontsize="small", loc="upper left")
    return figure, lines
