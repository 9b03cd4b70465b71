"""Models small enough to know everything about, built without a config."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import scipy.stats

from vaex import Model
from vaex.models.likelihoods import bernoulli
from vaex.models.posteriors import diagonal_normal
from vaex.models.priors import standard_normal
from vaex.models.vae import VAE
from vaex.networks import MLP

W = jax.random.normal(jax.random.key(10), (5, 2))
SIGMA = 0.6


def linear_gaussian(shift: float = 0.0, stretch: float = 1.0) -> Model:
    """z ~ N(0, I_2), x ~ N(W z, sigma^2 I_5); q is the exact posterior, shifted and stretched."""
    w = np.asarray(W, np.float64)
    cov = np.linalg.inv(np.eye(2) + w.T @ w / SIGMA**2)
    gain, tril = (jnp.asarray(a, jnp.float32) for a in (cov @ w.T / SIGMA**2, np.linalg.cholesky(cov)))
    return Model(
        prior=dist.MultivariateNormal(jnp.zeros(2), scale_tril=jnp.eye(2)),
        encode=lambda x: dist.MultivariateNormal(gain @ x + shift, scale_tril=jnp.sqrt(stretch) * tril),
        decode=lambda z: dist.Normal(W @ z, SIGMA).to_event(1),
    )


def log_px(x: jax.Array) -> float:
    """The exact log p(x) of linear_gaussian."""
    w = np.asarray(W, np.float64)
    return float(scipy.stats.multivariate_normal.logpdf(np.asarray(x), np.zeros(5), w @ w.T + SIGMA**2 * np.eye(5)))


def normal(mean: jax.Array) -> Any:
    """N(mean, I) of a vector."""
    return dist.Normal(mean, 1.0).to_event(1)


def small_vae(x_dim: int = 6, latent_dim: int = 2) -> VAE:
    """A Bernoulli VAE with one hidden layer on each side."""
    return VAE(
        x_shape=(x_dim,),
        encoder=MLP((8,), (2 * latent_dim,)),
        decoder=MLP((8,), (x_dim,)),
        prior=standard_normal(latent_dim),
        posterior=diagonal_normal(),
        likelihood=bernoulli(),
    )


def initial(init: Callable, key: jax.Array) -> Any:
    """What init(key) gives, in one program."""
    return jax.jit(lambda key: init(key))(key)


def drawn(init: Callable, *args: Any, scale: float = 0.3, seed: int = 0) -> Any:
    """Parameters away from where init(key, *args) starts them, by numpy: an init takes long to compile."""
    rng = np.random.default_rng(seed)
    shapes = jax.eval_shape(init, jax.random.key(0), *args)
    return jax.device_put(jax.tree.map(lambda a: np.asarray(scale * rng.normal(size=a.shape), a.dtype), shapes))
