"""Mean field of a Gaussian mixture: of its weights, means and covariances, and of which component made which x."""

import math
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jax.scipy.special import digamma, entr, gammaln, multigammaln
from jaxtyping import Array, Float, PRNGKeyArray

from vaex.errors import OptionError, UsageError, check_positive, check_whole
from vaex.inference.method import Method


class Prior(NamedTuple):
    """The model: of the weights a Dirichlet, of each component's mean and precision a normal-Wishart."""

    concentration: Float[Array, " k"]  # alpha_0; below 1 it empties the components that are not needed
    strength: Float[Array, ""]  # beta_0
    mean: Float[Array, " d"]  # m_0
    degrees: Float[Array, ""]  # nu_0
    scatter: Float[Array, "d d"]  # W_0^-1


class State(NamedTuple):
    """q(z) q(weights) prod_k q(mean_k, precision_k): Categorical, Dirichlet and normal-Wishart; and model and data."""

    prior: Prior
    x: Float[Array, "n d"]
    responsibilities: Float[Array, "n k"]
    concentration: Float[Array, " k"]  # alpha
    strength: Float[Array, " k"]  # beta
    mean: Float[Array, "k d"]
    degrees: Float[Array, " k"]  # nu
    scatter: Float[Array, "k d d"]  # W^-1, so that scatter / degrees is about a covariance


def prior_of(
    x: Float[Array, "n d"], *, num_components: int, concentration: float | None = None, strength: float = 1.0,
    mean: Float[Array, " d"] | None = None, degrees: float | None = None, scatter: Float[Array, "d d"] | None = None,
) -> Prior:  # fmt: skip
    """A prior in the scale of the data, where numbers are left unset.

    Args:
        x: data, [N, D].
        num_components: K.
        concentration: alpha_0 of each component; unset, 1/K.
        strength: beta_0.
        mean: m_0; unset, the data's.
        degrees: nu_0, above D - 1; unset, D.
        scatter: W_0^-1; unset, the data's covariance, with a variance of 1 for a column that never changes.

    Raises:
        OptionError: num_components below 1, a concentration or a strength that is not above 0, or degrees too low.
        UsageError: a scatter that is not positive definite, the data's own included, unless it is traced.

    Source: the defaults of scikit-learn's BayesianGaussianMixture.
    """
    check_whole(num_components=num_components)
    check_positive(concentration=concentration, strength=strength)
    d = x.shape[1]
    if degrees is not None and not degrees > d - 1:
        raise OptionError("degrees", degrees, f"a number above {d - 1}, the dimensions less one")
    scatter = _covariance(x) if scatter is None else scatter
    _check_scatter(scatter)
    return Prior(
        concentration=jnp.full(num_components, 1 / num_components if concentration is None else concentration),
        strength=jnp.asarray(strength, float),
        mean=jnp.mean(x, axis=0) if mean is None else mean,
        degrees=jnp.asarray(d if degrees is None else degrees, float),
        scatter=scatter,
    )


def _covariance(x: Float[Array, "n d"]) -> Float[Array, "d d"]:
    d, is_constant = x.shape[1], jnp.max(x, axis=0) == jnp.min(x, axis=0)
    return jnp.cov(x.T).reshape(d, d) + jnp.diag(is_constant.astype(float))


def _check_scatter(scatter: Array) -> None:
    if isinstance(scatter, Tracer):
        return
    try:
        is_fine = np.isfinite(np.linalg.cholesky(np.asarray(scatter))).all()
    except np.linalg.LinAlgError:
        is_fine = False
    if not is_fine:
        raise UsageError(
            "scatter, of the data if unset, is not positive definite: columns may be sums of others, examples fewer "
            "than columns, or values not finite; leave such columns out, or give a scatter"
        )


def gaussian_mixture(*, start: Float[Array, "n k"] | None = None) -> Method:
    """The Bayesian mixture of Gaussians.

    z_n ~ Categorical(pi),   x_n|z_n = k ~ N(mean_k, precision_k^-1),   pi ~ Dirichlet(concentration),
    mean_k|precision_k ~ N(mean, (strength precision_k)^-1),   precision_k ~ Wishart(degrees, scatter^-1)

    q(z) q(pi, means, precisions): log r_nk = E[log pi_k] + 1/2 E[log |precision_k|] - 1/2 E[(x_n - mean_k)^T
    precision_k (x_n - mean_k)] + const, and the others by the counts, means and scatters that r weighs.

    Args:
        start: responsibilities, [N, K]; unset, drawn.

    Returns:
        The method: init(key, Prior(...), x) of data x, [N, D], whose key is needed where there is no start. A step
        needs none, and tells the bound on log p(x) after it, in nats, with all of its constants; it never falls.

    Raises:
        UsageError: a start of another shape, or neither a start nor a key, in init.

    Source: Bishop 2006, section 10.2.
    """

    def init(key: PRNGKeyArray | None, model: Prior, x: Float[Array, "n d"]) -> State:
        shape = len(x), len(model.concentration)
        if start is not None:
            if start.shape != shape:
                raise UsageError(f"start has shape {start.shape}: expected {shape}, a row for each example")
            return _update(model, x, start)
        if key is None:
            raise UsageError("found neither a key nor a start: give init a key, or the method responsibilities")
        return _update(model, x, jax.random.dirichlet(key, jnp.ones(shape[1]), shape[:1]))

    def step(key: PRNGKeyArray | None, state: State) -> tuple[State, Float[Array, ""]]:
        state = _update(state.prior, state.x, jax.nn.softmax(_expected_log_joint(state), axis=-1))
        return state, _bound(state)

    return Method(init, step)


def _update(prior: Prior, x: Float[Array, "n d"], r: Float[Array, "n k"]) -> State:
    """All other factors at their best, given responsibilities."""
    counts = jnp.sum(r, axis=0)
    strength = prior.strength + counts
    pull = r.T @ (x - prior.mean) / strength[:, None]  # from the prior's mean, so that no digits cancel
    mean = prior.mean + pull
    deviation = x - mean[:, None]  # [k, n, d]
    around = jnp.einsum("nk,kni,knj->kij", r, deviation, deviation)
    scatter = prior.scatter + around + prior.strength * pull[:, :, None] * pull[:, None, :]
    return State(prior, x, r, prior.concentration + counts, strength, mean, prior.degrees + counts, scatter)


def _bound(state: State) -> Float[Array, ""]:
    """What the responsibilities leave of log p(x) where all other factors are at their best, as after a step."""
    prior, (n, d) = state.prior, state.x.shape
    of_weights = _log_dirichlet(state.concentration) - _log_dirichlet(prior.concentration)
    each = jax.vmap(_log_normal_wishart)(state.strength, state.degrees, state.scatter)
    of_components = jnp.sum(each - _log_normal_wishart(prior.strength, prior.degrees, prior.scatter))
    return jnp.sum(entr(state.responsibilities)) + of_weights + of_components - 0.5 * n * d * math.log(2 * math.pi)


def _expected_log_joint(state: State) -> Float[Array, "n k"]:
    """E[log p(x_n, z_n = k)] but for a constant."""
    x, d = state.x, state.x.shape[1]
    tril = jnp.linalg.cholesky(state.scatter)
    log_weight = digamma(state.concentration) - digamma(jnp.sum(state.concentration))
    halves = 0.5 * (state.degrees[:, None] - jnp.arange(d))
    log_det = jnp.sum(digamma(halves), axis=-1) + d * math.log(2) - 2 * _log_diagonal(tril)
    solved = jax.vmap(lambda t, deviation: jax.scipy.linalg.solve_triangular(t, deviation.T, lower=True))(
        tril, x - state.mean[:, None]
    )  # [k, d, n]
    squares = state.degrees * jnp.sum(solved**2, axis=1).T + d / state.strength
    return log_weight + 0.5 * log_det - 0.5 * squares


def _log_diagonal(tril: Float[Array, "*k d d"]) -> Float[Array, "*k"]:
    return jnp.sum(jnp.log(jnp.diagonal(tril, axis1=-2, axis2=-1)), axis=-1)


def _log_dirichlet(alpha: Float[Array, " k"]) -> Float[Array, ""]:
    """The log-normalizer of a Dirichlet."""
    return jnp.sum(gammaln(alpha)) - gammaln(jnp.sum(alpha))


def _log_normal_wishart(beta: Array, nu: Array, scatter: Float[Array, "d d"]) -> Float[Array, ""]:
    """The log-normalizer of a normal-Wishart but for the (2 pi)^(d/2) that all have."""
    d = scatter.shape[-1]
    log_det = 2 * _log_diagonal(jnp.linalg.cholesky(scatter))
    return -0.5 * d * jnp.log(beta) + 0.5 * nu * d * math.log(2) + multigammaln(0.5 * nu, d) - 0.5 * nu * log_det
