"""A linear-Gaussian variational autoencoder trains to the maximum likelihood of probabilistic PCA."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from matplotlib.figure import Figure

from vaex import objectives
from vaex.model import Model, Params
from vaex.models import exact

from . import _linear_gaussian as shared


class PPCA(NamedTuple):
    """What training finds after each epoch, and what it should find."""

    updates: np.ndarray
    log_likelihood: np.ndarray  # nats per example
    angle: np.ndarray  # the largest principal angle to the principal subspace, degrees
    noise_var: np.ndarray
    maximum: float  # of the log-likelihood
    best_noise_var: float


def train_ppca(*, num_epochs: int = 500) -> PPCA:
    """Train z ~ N(0, I), x ~ N(W z + mean, sigma^2 I), q(z|x) = N(A x + b, diag(s)) by the ELBO.

    The posterior of a model at the maximum has a diagonal covariance once W's columns are orthogonal, so that the
    bound is tight there: the maximum of the ELBO is that of the likelihood.

    Args:
        num_epochs: passes over the data.

    Returns:
        The path and the closed-form maximum.

    Source: Tipping and Bishop 1999, equations 7 and 8; Lucas et al. 2019 for the ELBO.
    """
    x = shared.data()

    def bind(params: Params) -> Model:
        return exact.bind_linear_gaussian({"encoder": params["encoder"], "decoder": shared.generator(params)})

    path = shared.train(x, objectives.batch_loss(objectives.stl), bind, num_epochs=num_epochs)
    best = exact.ppca_maximum_likelihood(x, shared.LATENT_DIM)

    @jax.vmap
    def measure(params: Params) -> tuple[jax.Array, jax.Array]:
        found = shared.generator(params)
        angle = jnp.max(exact.principal_angles(found.weight, best.weight))
        return jnp.mean(jax.vmap(found.log_px)(x)), angle

    log_likelihood, angle = jax.jit(measure)(path)
    return PPCA(
        updates=shared.updates(num_epochs),
        log_likelihood=np.asarray(log_likelihood),
        angle=np.asarray(angle),
        noise_var=np.exp(np.asarray(path["decoder"]["log_noise"][:, 0])),
        maximum=float(jnp.mean(jax.vmap(best.log_px)(x))),
        best_noise_var=float(best.noise_var[0]),
    )


def ppca_figure() -> tuple[Figure, list[str]]:
    """Log-likelihood and principal angle against the updates, and the values found beside the exact ones."""
    found = train_ppca()
    figure = Figure(figsize=(9, 3.6), layout="constrained")
    bound, angle = figure.subplots(1, 2)
    bound.plot(found.updates, found.log_likelihood, label="training")
    bound.axhline(found.maximum, color="black", linestyle="--", linewidth=1, label="closed-form maximum")
    bound.set_ylabel("log p(x), nats per example")
    angle.semilogy(found.updates, found.angle)
    angle.set_ylabel("largest principal angle, degrees")
    for axes in (bound, angle):
        axes.set_xlabel("updates")
        axes.set_xscale("log")
    bound.legend(frameon=False)
    return figure, [
        f"log-likelihood: {found.log_likelihood[-1]:.4f} nats per example, closed-form maximum {found.maximum:.4f}",
        f"noise variance: {found.noise_var[-1]:.4f}, closed form {found.best_noise_var:.4f}",
        f"largest principal angle: {found.angle[-1]:.3f} degrees, exact 0",
    ]
