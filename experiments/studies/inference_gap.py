"""What an encoder of scikit-learn's digits loses, in its two parts, and what it imputes with and without a test."""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import optax
from matplotlib.figure import Figure

from vaex import evaluate
from vaex.distributions.masked import Masked
from vaex.inference import imputation, missing
from vaex.model import Model
from vaex.models.missing import partially_observed

from ._vae import KEY, binarize, of_digits

_LATENT_DIM, _NUM_IMAGES = 8, 100
_OPTIMIZER = optax.adam(optax.cosine_decay_schedule(0.05, 1000))
_FULL = dist.MultivariateNormal(jnp.zeros(_LATENT_DIM), scale_tril=jnp.eye(_LATENT_DIM))


class Found(NamedTuple):
    """Of each image the gap by family of q, and the error of the imputed pixels by method."""

    gaps: dict[str, Any]  # InferenceGap, [n]
    rmse: dict[str, float]


def trained(*, num_epochs: int = 100) -> tuple[Model, jax.Array]:
    """A VAE with eight latents, and test images, binarized."""
    model, images = of_digits(latent_dim=_LATENT_DIM, num_epochs=num_epochs)
    return model, binarize(jax.random.key(2), images[:_NUM_IMAGES])


def measure(model: Model, x: jax.Array, *, num_steps: int = 1000) -> Found:
    """The gaps of a diagonal and of a full Gaussian, and imputation of a half of the pixels by three methods."""
    each = lambda f, *more: jax.jit(jax.vmap(f))(jax.random.split(KEY, len(x)), x, *more)
    gap = functools.partial(evaluate.inference_gap, optimizer=_OPTIMIZER, num_steps=num_steps, num_samples=2000)
    full = each(lambda key, x: gap(key, model, x, start=_FULL))
    diagonal = each(lambda key, x, log_px: gap(key, model, x, log_px=log_px), full.log_px)

    mask = jax.random.bernoulli(jax.random.key(1), 0.5, x.shape)
    ways: dict[str, Callable[..., Any]] = {
        "importance sampling": functools.partial(imputation.single, num_samples=num_steps),
        "pseudo-Gibbs": functools.partial(missing.conditional_mean, method=missing.pseudo_gibbs, num_steps=num_steps),
        "Metropolis within Gibbs": functools.partial(missing.conditional_mean, num_steps=num_steps),
    }
    part = partially_observed(model)
    guesses = {name: each(lambda key, x, m, f=f: f(key, part, Masked(x, m)), mask) for name, f in ways.items()}
    rmse = lambda guess: float(jnp.sqrt(jnp.sum((guess - x) ** 2) / jnp.sum(~mask)))
    return Found({"diagonal": diagonal, "full": full}, {name: rmse(guess) for name, guess in guesses.items()})


def inference_gap_figure() -> tuple[Figure, list[str]]:
    """The two gaps by family of q, stacked, and lines with all means."""
    found = measure(*trained())
    figure = Figure(figsize=(5, 3.6), layout="constrained")
    axes, lines = figure.subplots(), []
    means = {name: (np.mean(gap.approximation), np.mean(gap.amortization)) for name, gap in found.gaps.items()}
    names, parts = list(means), np.array(list(means.values()))
    axes.bar(names, parts[:, 0], label="approximation")
    axes.bar(names, parts[:, 1], bottom=parts[:, 0], label="amortization")
    axes.set(xlabel="family of the fitted q", ylabel="log p(x) - ELBO, nats")
    figure.legend(loc="outside upper center", ncols=2, frameon=False)
    for name, (approximation, amortization) in means.items():
        gap = found.gaps[name]
        lines.append(
            f"{name} q: log p(x) {np.mean(gap.log_px):.2f}, best ELBO {np.mean(gap.best_elbo):.2f}, encoder's "
            f"{np.mean(gap.elbo):.2f}; approximation {approximation:.2f}, amortization {amortization:.2f} nats"
        )
    return figure, lines + [f"RMSE of missing pixels by {name}: {error:.4f}" for name, error in found.rmse.items()]
