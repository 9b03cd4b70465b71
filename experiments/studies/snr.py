"""How the signal-to-noise ratio of the gradient depends on the number of importance samples."""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from matplotlib.figure import Figure

from vaex import objectives
from vaex.evaluate.gradients import gradient_statistics
from vaex.models import exact

_DIM = 4


class Curve(NamedTuple):
    """Signal-to-noise ratios against the number of samples, and the slope that theory gives their logarithms."""

    name: str
    ks: np.ndarray
    snr: np.ndarray
    theory: float

    @property
    def slope(self) -> float:
        """The slope of log snr against log K, by least squares."""
        return float(np.polyfit(np.log(self.ks), np.log(self.snr), 1)[0])


def snr_curves(ks: tuple[int, ...] = (16, 32, 64, 128, 256, 512), *, num_keys: int = 20_000) -> list[Curve]:
    """How the signal-to-noise ratio of the gradient depends on K, on a linear-Gaussian model near its optimum.

    z ~ N(mean, I), x ~ N(z, I), q(z|x) = N(A x + b, 2/3 I), A and b a little off the posterior's

    Args:
        ks: numbers of importance samples.
        num_keys: gradients for each ratio.

    Returns:
        A curve each for the generator and the recognition model under iwae, and the latter under dreg.

    Source: Rainforth et al. 2018, section 4 and figure 2; Tucker et al. 2018 for dreg.
    """
    keys = jax.random.split(jax.random.key(0), 4)
    generator = exact.LinearGaussian(jnp.eye(_DIM), 0.1 * jax.random.normal(keys[0], (_DIM,)), jnp.ones(1))
    encoder = exact.AffinePosterior(
        weight=jnp.eye(_DIM) / 2 + 0.03 * jax.random.normal(keys[1], (_DIM, _DIM)),
        bias=0.2 * jax.random.normal(keys[2], (_DIM,)),
        log_var=jnp.full(_DIM, np.log(2 / 3)),
    )
    params = {"encoder": encoder, "decoder": generator}
    x = generator.mean + np.sqrt(2) * jax.random.normal(keys[3], (_DIM,))

    def measure(objective: objectives.Objective) -> tuple[np.ndarray, np.ndarray]:
        """The ratios of the generator and of the recognition model, for each K."""
        found = [
            gradient_statistics(
                jax.random.key(k),
                functools.partial(objective, num_samples=k),
                params,
                exact.bind_linear_gaussian,
                x,
                num_keys=num_keys,
            )
            for k in ks
        ]
        # The biases alone, as in the source: every component has a gradient that is not zero by symmetry.
        ratios = [s.leaves.snr for s in found]
        generator_snr = np.array([float(jnp.mean(r["decoder"].mean)) for r in ratios])
        return generator_snr, np.array([float(jnp.mean(r["encoder"].bias)) for r in ratios])

    k = np.array(ks)
    (generator_iwae, recognition_iwae), (_, recognition_dreg) = measure(objectives.iwae), measure(objectives.dreg)
    return [
        Curve("generator, IWAE", k, generator_iwae, 0.5),
        Curve("recognition model, IWAE", k, recognition_iwae, -0.5),
        Curve("recognition model, DReG", k, recognition_dreg, 0.5),
    ]


def snr_figure() -> tuple[Figure, list[str]]:
    """The curves of snr_curves, and a line with the slope of each."""
    figure = Figure(figsize=(6, 4), layout="constrained")
    axes = figure.subplots()
    lines = []
    for curve in snr_curves():
        axes.loglog(curve.ks, curve.snr, marker="o", label=f"{curve.name}: slope {curve.slope:.2f}")
        lines.append(f"{curve.name}: slope {curve.slope:.2f}, theory {curve.theory:.2f}")
    axes.set_xlabel("K, importance samples")
    axes.set_ylabel("signal-to-noise ratio of the gradient")
    axes.legend(frameon=False)
    return figure, lines
