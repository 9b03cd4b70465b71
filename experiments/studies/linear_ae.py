"""A linear autoencoder, which is the variational one without the KL and without noise, finds the principal subspace."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from matplotlib.figure import Figure

from vaex import objectives
from vaex.model import Model, Params
from vaex.models import exact

from . import _linear_gaussian as shared

_SILENT = -30.0  # log-variance of q(z|x): no noise in single precision
_NOISE_VAR = 1e-2  # sigma^2 of p(x|z), fixed: it scales the squared error and moves no minimum


class LinearAutoencoder(NamedTuple):
    """What training finds after each epoch, and what it should find."""

    updates: np.ndarray
    error: np.ndarray  # mean squared distance of x to its reconstruction
    angle: np.ndarray  # the largest principal angle to the principal subspace, degrees
    minimum: float  # of the error


def train_linear_autoencoder(*, num_epochs: int = 500) -> LinearAutoencoder:
    """Train an affine encoder and decoder by the reconstruction term of the ELBO alone.

    minimise 1/N sum_i |x_i - W (A x_i + b) - mean|^2,   at best the sum of the d - k smallest eigenvalues of Cov[x]

    Args:
        num_epochs: passes over the data.

    Returns:
        The path and the exact minimum.

    Source: Baldi and Hornik 1989, on linear autoencoders and principal components.
    """
    x = shared.data()

    def bind(params: Params) -> Model:
        silent = params["encoder"]._replace(log_var=jnp.full(shared.LATENT_DIM, _SILENT))
        decoder = shared.generator(params, jnp.array([_NOISE_VAR]))
        return exact.bind_linear_gaussian({"encoder": silent, "decoder": decoder})

    path = shared.train(x, objectives.batch_loss(objectives.elbo, beta=0.0), bind, num_epochs=num_epochs)
    best = exact.ppca_maximum_likelihood(x, shared.LATENT_DIM)

    @jax.vmap
    def measure(params: Params) -> tuple[jax.Array, jax.Array]:
        model = bind(params)
        means = jax.vmap(lambda one: model.decode(model.encode(one).mean).mean)(x)  # pyright: ignore
        angle = jnp.max(exact.principal_angles(params["decoder"]["weight"], best.weight))
        return jnp.mean(jnp.sum((x - means) ** 2, axis=-1)), angle

    error, angle = jax.jit(measure)(path)
    minimum = jnp.sum(jnp.linalg.eigvalsh(jnp.cov(x.T, bias=True))[: -shared.LATENT_DIM])
    return LinearAutoencoder(shared.updates(num_epochs), np.asarray(error), np.asarray(angle), float(minimum))


def linear_ae_figure() -> tuple[Figure, list[str]]:
    """Reconstruction error and principal angle against the updates, and the values found beside the exact ones."""
    found = train_linear_autoencoder()
    figure = Figure(figsize=(9, 3.6), layout="constrained")
    error, angle = figure.subplots(1, 2)
    error.plot(found.updates, found.error, label="training")
    error.axhline(found.minimum, color="black", linestyle="--", linewidth=1, label="the smallest eigenvalues' sum")
    error.set_ylabel("squared reconstruction error")
    angle.semilogy(found.updates, found.angle)
    angle.set_ylabel("largest principal angle, degrees")
    for axes in (error, angle):
        axes.set_xlabel("updates")
        axes.set_xscale("log")
    error.legend(frameon=False)
    return figure, [
        f"squared reconstruction error: {found.error[-1]:.5f}, exact minimum {found.minimum:.5f}",
        f"largest principal angle to the principal subspace: {found.angle[-1]:.3f} degrees, exact 0",
    ]
