"""Models small enough to know everything about, built without a config."""

import jax
import jax.numpy as jnp
import numpyro.distributions as dist

from vaex import Model
from vaex.models.likelihoods import bernoulli
from vaex.models.posteriors import diagonal_normal
from vaex.models.priors import standard_normal
from vaex.models.vae import VAE
from vaex.networks import MLP

W = jax.random.normal(jax.random.key(10), (5, 2))
SIGMA = 0.6


def linear_gaussian(shift: float = 0.0, stretch: float = 1.0) -> Model:
    """Z ~ N(0, I_2), x ~ N(W z, sigma^2 I_5); q is the exact posterior, shifted and stretched."""
    cov = jnp.linalg.inv(jnp.eye(2) + W.T @ W / SIGMA**2)
    return Model(
        prior=dist.MultivariateNormal(jnp.zeros(2), jnp.eye(2)),
        encode=lambda x: dist.MultivariateNormal(cov @ W.T @ x / SIGMA**2 + shift, stretch * cov),
        decode=lambda z: dist.Normal(W @ z, SIGMA).to_event(1),
    )


def log_px(x: jax.Array) -> jax.Array:
    """The exact log p(x) of linear_gaussian."""
    return dist.MultivariateNormal(jnp.zeros(5), W @ W.T + SIGMA**2 * jnp.eye(5)).log_prob(x)


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
