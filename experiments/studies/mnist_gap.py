"""What the encoder of `mnist_bernoulli` loses on MNIST, in its two parts, log p(x) by annealed importance sampling."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import optax
from jaxtyping import Array, PRNGKeyArray
from matplotlib.figure import Figure

from vaex.config.keys import TEST_KEY
from vaex.errors import check_whole
from vaex.evaluate import InferenceGap, compiled, in_chunks, inference_gap
from vaex.inference import ais
from vaex.model import Distribution

from ._trained import with_test_images

_KEY = jax.random.fold_in(jax.random.key(0), TEST_KEY)  # which no image's is
_NUM_OTHERS = 20  # test images after those measured, on which the schedule is found


def measure(
    model: Any, x: Any, *, num_steps: int = 1000, num_temperatures: int = 200, num_chains: int = 16
) -> dict[str, InferenceGap]:
    """The gaps of all but the last 20 images, on which the schedule is found, by family of the fitted q.

    Each begins at the encoder's q, which both families have.
    """
    x, others = x[:-_NUM_OTHERS], x[-_NUM_OTHERS:]
    schedule_key, chain_key, fit_key = jax.random.split(_KEY, 3)
    schedule = ais.find_schedule(schedule_key, model, others, num_temperatures=num_temperatures)
    anneal = lambda key, x, s: ais.anneal(key, model, x, schedule=s, num_chains=num_chains).log_likelihood
    log_px = in_chunks(compiled(anneal), chain_key, x, schedule, chunk_size=20)
    optimizer = optax.adam(optax.cosine_decay_schedule(0.02, num_steps))
    full = lambda q: dist.MultivariateNormal(q.mean, scale_tril=jnp.diag(jnp.sqrt(q.variance)))
    families = {"diagonal": lambda q: q, "full": full}

    def gaps(family: Callable[[Any], Distribution]) -> InferenceGap:
        def one(key: PRNGKeyArray, pair: tuple[Array, Array]) -> InferenceGap:
            image, log_px = pair
            start = family(model.encode(image))
            options = {"optimizer": optimizer, "num_steps": num_steps, "start": start}
            return inference_gap(key, model, image, log_px=log_px, **options)

        return in_chunks(compiled(one), fit_key, (x, log_px), chunk_size=20)

    return {name: gaps(family) for name, family in families.items()}


def mnist_gap_figure(
    *, num_images: int = 100, num_steps: int = 1000, num_temperatures: int = 200, num_chains: int = 16
) -> tuple[Figure, list[str]]:
    """The two gaps by family of q, stacked, and lines with all means."""
    check_whole(2, num_images=num_images, num_temperatures=num_temperatures)
    check_whole(num_steps=num_steps, num_chains=num_chains)
    options = {"num_steps": num_steps, "num_temperatures": num_temperatures, "num_chains": num_chains}
    found = measure(*with_test_images("mnist_bernoulli", num_images + _NUM_OTHERS), **options)
    figure = Figure(figsize=(5, 3.6), layout="constrained")
    axes, lines, foot = figure.subplots(), [], np.zeros(len(found))
    parts = {"approximation": lambda gap: gap.approximation, "amortization": lambda gap: gap.amortization}
    for part, of in parts.items():
        means = np.array([of(gap).mean() for gap in found.values()])
        axes.bar(list(found), means, bottom=foot, label=part)
        foot = foot + means
    axes.set(xlabel="family of the fitted q", ylabel="log p(x) - ELBO, nats")
    figure.legend(loc="outside upper center", ncols=2, frameon=False)
    for name, gap in found.items():
        error = gap.approximation.std(ddof=1) / len(gap.log_px) ** 0.5
        lines.append(
            f"{name} q: log p(x) by AIS {gap.log_px.mean():.2f}, best ELBO {gap.best_elbo.mean():.2f}, encoder's "
            f"{gap.elbo.mean():.2f}; approximation {gap.approximation.mean():.2f} ± {error:.2f}, amortization "
            f"{gap.amortization.mean():.2f} nats"
        )
    return figure, lines
