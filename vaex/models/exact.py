"""Models whose answers are known, as Models like any other: what every estimator is checked against."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpyro.distributions as dist
from jaxtyping import Array, Float, Int

from vaex.bounds import iwae
from vaex.losses.arithmetic import logsumexp, times
from vaex.model import Distribution, Model, Params


class LinearGaussian(NamedTuple):
    """z ~ N(0, I_k), x = W z + mean + noise, noise ~ N(0, diag(noise_var)).

    One noise variance for all dimensions is probabilistic PCA; one for each is factor analysis.
    """

    weight: Float[Array, "d k"]
    mean: Float[Array, " d"]
    noise_var: Float[Array, "*#d"]

    def covariance(self) -> Float[Array, "d d"]:
        """Cov[x] = W W^T + diag(noise_var)."""
        return self.weight @ self.weight.T + jnp.diag(jnp.broadcast_to(self.noise_var, self.mean.shape))

    def log_px(self, x: Float[Array, " d"]) -> Float[Array, ""]:
        """Log p(x) = log N(x; mean, W W^T + diag(noise_var)), in nats."""
        return dist.MultivariateNormal(self.mean, self.covariance()).log_prob(x)

    def posterior(self, x: Float[Array, " d"]) -> Any:
        """p(z|x) = N(S W^T (x - mean) / noise_var, S),   S = (I + W^T W / noise_var)^-1."""
        scaled = self.weight / jnp.broadcast_to(self.noise_var, self.mean.shape)[:, None]
        precision = jnp.eye(self.weight.shape[1]) + self.weight.T @ scaled
        mean = jnp.linalg.solve(precision, scaled.T @ (x - self.mean))
        return dist.MultivariateNormal(mean, precision_matrix=precision)

    def decode(self, z: Float[Array, " k"]) -> Distribution:
        """p(x|z) = N(W z + mean, diag(noise_var))."""
        scale = jnp.broadcast_to(jnp.sqrt(self.noise_var), self.mean.shape)
        return dist.Normal(self.weight @ z + self.mean, scale).to_event(1)

    def prior(self) -> Distribution:
        """p(z) = N(0, I)."""
        return dist.Normal(jnp.zeros(self.weight.shape[1]), 1.0).to_event(1)


class AffinePosterior(NamedTuple):
    """q(z|x) = N(A x + b, diag(exp(log_var))): wrong in general, and exactly computable."""

    weight: Float[Array, "k d"]
    bias: Float[Array, " k"]
    log_var: Float[Array, " k"]

    def encode(self, x: Float[Array, " d"]) -> Distribution:
        """q(z|x)."""
        return dist.Normal(self.weight @ x + self.bias, jnp.exp(0.5 * self.log_var)).to_event(1)


def bind_linear_gaussian(params: Params) -> Model:
    """{"encoder": AffinePosterior, "decoder": LinearGaussian} -> Model."""
    generator = params["decoder"]
    return Model(prior=generator.prior(), encode=params["encoder"].encode, decode=generator.decode)


def linear_gaussian_elbo(params: Params, x: Float[Array, " d"]) -> Float[Array, ""]:
    """The exact ELBO of bind_linear_gaussian(params), whose gradients by autodiff are the exact ones.

    ELBO = log N(x; W m + mean, noise_var) - 1/2 sum_dj W_dj^2 s_j / noise_var_d - KL(N(m, s) || N(0, I))

    Args:
        params: {"encoder": AffinePosterior, "decoder": LinearGaussian}.
        x: one example, [d].

    Returns:
        Nats.
    """
    generator, q = params["decoder"], params["encoder"]
    mean, var = q.weight @ x + q.bias, jnp.exp(q.log_var)
    noise_var = jnp.broadcast_to(generator.noise_var, generator.mean.shape)
    spread = jnp.sum(generator.weight**2 * var / noise_var[:, None])
    kl = 0.5 * jnp.sum(var + mean**2 - 1 - q.log_var)
    return generator.decode(mean).log_prob(x) - 0.5 * spread - kl


def ppca_maximum_likelihood(x: Float[Array, "n d"], latent_dim: int) -> LinearGaussian:
    """The maximum-likelihood probabilistic PCA.

    W = U_k (L_k - sigma^2 I)^(1/2),   sigma^2 = the mean of the d - k smallest eigenvalues of the sample covariance

    Args:
        x: data, [n, d].
        latent_dim: k, below d.

    Returns:
        The model, with W's columns along the principal axes.

    Source: Tipping and Bishop 1999, equations 7 and 8.
    """
    mean = jnp.mean(x, axis=0)
    values, vectors = jnp.linalg.eigh(jnp.cov(x.T, bias=True))
    noise_var = jnp.mean(values[:-latent_dim])
    weight = vectors[:, -latent_dim:] * jnp.sqrt(values[-latent_dim:] - noise_var)
    return LinearGaussian(weight, mean, noise_var[None])


def principal_angles(a: Float[Array, "d k"], b: Float[Array, "d k"]) -> Float[Array, " k"]:
    """The angles between the column spaces of two matrices, in degrees, the largest last.

    Source: Bjorck and Golub 1973, by the sines, which keep their digits for small angles.
    """
    qa, qb = jnp.linalg.qr(a)[0], jnp.linalg.qr(b)[0]
    sines = jnp.linalg.svd(qb - qa @ (qa.T @ qb), compute_uv=False)
    return jnp.degrees(jnp.arcsin(jnp.clip(sines, 0, 1)))[::-1]


class DiscreteTable(NamedTuple):
    """z in one of S states, x in one of V values, all probabilities in tables of logits."""

    prior_logits: Float[Array, " s"]
    likelihood_logits: Float[Array, "s v"]

    def log_px(self, x: Int[Array, ""]) -> Float[Array, ""]:
        """Log p(x) = log sum_z p(z) p(x|z), in nats; nan where x is no value."""
        return logsumexp(self._log_joint(x))

    def posterior(self, x: Int[Array, ""]) -> Any:
        """p(z|x)."""
        return _categorical(self._log_joint(x))

    def _log_joint(self, x: Int[Array, ""]) -> Float[Array, " s"]:
        log_px_z = jax.nn.log_softmax(self.likelihood_logits)
        of_x = log_px_z.at[:, x].get(mode="fill", fill_value=jnp.nan, wrap_negative_indices=False)
        return jax.nn.log_softmax(self.prior_logits) + of_x


def bind_table(params: Params) -> Model:
    """{"encoder": logits of q(z|x) [v, s], "decoder": DiscreteTable} -> Model, for x an integer."""
    table: DiscreteTable = params["decoder"]
    return Model(
        prior=_categorical(table.prior_logits),
        encode=lambda x: _categorical(params["encoder"][x]),
        decode=lambda z: _categorical(table.likelihood_logits[z]),
    )


def table_elbo(params: Params, x: Int[Array, ""]) -> Float[Array, ""]:
    """The exact ELBO of bind_table(params): log p(x) - KL(q(z|x) || p(z|x)), by a sum over all states."""
    table: DiscreteTable = params["decoder"]
    log_q = jax.nn.log_softmax(params["encoder"][x])
    log_posterior = jax.nn.log_softmax(table.posterior(x).logits)
    return table.log_px(x) - jnp.sum(times(jnp.exp(log_q), log_q - log_posterior))


def table_iwae(params: Params, x: Int[Array, ""], *, num_samples: int) -> Float[Array, ""]:
    """The exact expectation of L_K for bind_table(params), by a sum over all S^K tuples of states."""
    table: DiscreteTable = params["decoder"]
    log_q = jax.nn.log_softmax(params["encoder"][x])
    log_w = jnp.where(log_q == -jnp.inf, 0.0, table.posterior(x).logits - log_q)  # of what is never drawn
    grids = jnp.meshgrid(*[jnp.arange(log_q.size)] * num_samples)
    tuples = jnp.stack([g.ravel() for g in grids])  # [K, S^K]
    return jnp.sum(times(jnp.exp(jnp.sum(log_q[tuples], axis=0)), iwae(log_w[tuples])))


def _categorical(logits: Float[Array, " n"]) -> Any:
    return dist.Categorical(logits=logits)
