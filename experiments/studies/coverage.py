"""How often the interval of a certificate holds log p(x): on a linear-Gaussian model, which knows it."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from matplotlib.figure import Figure

from vaex.evaluate import certificate
from vaex.models import exact

_DIM, _LATENT_DIM, _NOISE_VAR = 6, 2, 0.3


class Repeat(NamedTuple):
    """An interval of the mean log p(x) of images that the model drew, in nats, less that mean."""

    low: float
    high: float

    @property
    def holds(self) -> bool:
        """Whether the truth, at 0, lies within."""
        return self.low <= 0 <= self.high


def linear() -> exact.LinearGaussian:
    """Two latents of six observed dimensions."""
    rng = np.random.default_rng(0)
    weight, mean = rng.normal(size=(_DIM, _LATENT_DIM)), rng.normal(size=_DIM)
    return exact.LinearGaussian(*(jnp.asarray(a, jnp.float32) for a in (weight, mean, [_NOISE_VAR])))


def repeats(
    *, num_repeats: int = 100, num_images: int = 50, num_temperatures: int = 30, num_chains: int = 8
) -> list[Repeat]:
    """Certificates of as many sets of images, by the same schedules, of a model whose q is the posterior, but off."""
    generator = linear()
    scaled = generator.weight.T / _NOISE_VAR
    weight = 0.8 * jnp.linalg.solve(jnp.eye(_LATENT_DIM) + scaled @ generator.weight, scaled)
    q = exact.AffinePosterior(weight, 0.2 - weight @ generator.mean, jnp.full(_LATENT_DIM, -2.5))
    model = exact.bind_linear_gaussian({"encoder": q, "decoder": generator})
    like = jnp.zeros((num_repeats * num_images, _DIM))
    paths = {"num_temperatures": num_temperatures, "num_chains": num_chains}
    whole = certificate(jax.random.key(0), model, like, num_samples=100, chunk_size=min(len(like), 500), **paths)
    log_px = np.asarray(jax.jit(jax.vmap(generator.log_px))(whole.examples))

    def one(start: int) -> Repeat:
        some = slice(start, start + num_images)
        low, high = jax.tree.map(lambda a: a[some], whole._replace(counts=())).interval
        return Repeat(low - log_px[some].mean(), high - log_px[some].mean())

    return [one(start) for start in range(0, len(like), num_images)]


def coverage_figure(*, num_repeats: int = 100) -> tuple[Figure, list[str]]:
    """Each interval about the truth, those that miss it marked, and a line that counts."""
    found = repeats(num_repeats=num_repeats)
    figure = Figure(figsize=(6, 3), layout="constrained")
    axes = figure.subplots()
    for i, one in enumerate(found):
        axes.plot([i, i], [one.low, one.high], color="C0" if one.holds else "C3", linewidth=1)
    axes.axhline(0, color="black", linewidth=0.8)
    axes.set(xlabel="repeat", ylabel="nats above log p(x)")
    held, width = sum(one.holds for one in found), np.mean([one.high - one.low for one in found])
    return figure, [f"{held} of {len(found)} intervals hold log p(x), {width:.3f} nats wide on average"]
