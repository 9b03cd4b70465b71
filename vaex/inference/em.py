"""Expectation maximization of Gaussian mixtures, probabilistic PCA and factor analysis."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Num, PRNGKeyArray

from vaex.errors import UsageError, check_whole
from vaex.inference.method import Method
from vaex.losses.arithmetic import at_least_float32
from vaex.models.exact import LinearGaussian
from vaex.models.mixture import GaussianMixture

Fitted = Any  # a GaussianMixture, or a LinearGaussian


class EM(NamedTuple):
    """The two steps for one kind of model, and its likelihood."""

    e_step: Callable  # (model, x) -> what of p(z|x) the M-step needs
    m_step: Callable[..., Fitted]  # (x, expectations) -> model
    log_px: Callable[[Fitted], Callable[[Array], Array]]  # model -> a function of one example, log p(x) in nats
    spread: Callable[[Fitted], Array]  # model -> variances or scales, which have to stay above 0
    cure: str  # what has happened where they do not, or where the likelihood has no bound


class EMState(NamedTuple):
    """The model so far, and the data."""

    model: Fitted
    x: Float[Array, "n d"]


class Fit(NamedTuple):
    """A fitted model, and the log-likelihood on the way."""

    model: Fitted
    log_likelihood: Float[Array, " steps_and_one"]  # at the start and after each step, nats per example


def em(family: EM) -> Method:
    """Expectation maximization as a Method: init(key, model, x), with the start's model and all the data, [n, d].

    theta' = argmax sum_i E_{p(z_i|x_i, theta)}[log p(x_i, z_i; theta')]

    A step returns the state and, as info, the log-likelihood of the model before it, in nats per example. No key is
    used.

    Source: Dempster, Laird and Rubin 1977.
    """

    def step(key: PRNGKeyArray | None, state: EMState) -> tuple[EMState, Float[Array, ""]]:
        model, x = state
        return EMState(family.m_step(x, family.e_step(model, x)), x), _log_likelihood(family, state)

    return Method(lambda key, model, x: EMState(model, x), step)


def fit(family: EM, start: Fitted, x: Num[Array, "n d"], *, num_steps: int = 100) -> Fit:
    """Some steps of EM, none of which lowers the log-likelihood; outside jit.

    Args:
        family: GAUSSIAN_MIXTURE, PPCA or FACTOR_ANALYSIS.
        start: a GaussianMixture, as from `maximize`, or a LinearGaussian.
        x: data, [n, d].
        num_steps: E- and M-steps.

    Returns:
        The model, and the log-likelihood on the way.

    Raises:
        OptionError: num_steps below 1.
        UsageError: data that are not finite; or a likelihood without bound: a mixture's component that has shrunk to a
            point, or a column that the factors explain without noise.
    """
    check_whole(num_steps=num_steps)
    x = _data(x)
    if (d := start.mean.shape[-1]) != x.shape[1]:
        raise UsageError(f"found a start of {d} columns: expected the {x.shape[1]} of x")

    @jax.jit
    def run(state: EMState) -> tuple[Fitted, Array]:
        last, found = jax.lax.scan(lambda s, _: em(family).step(None, s), state, length=num_steps)
        return last.model, jnp.append(found, _log_likelihood(family, last))

    model, found = run(EMState(start, x))
    if not np.isfinite(found).all():
        step = int(np.argmin(np.isfinite(found)))
        raise UsageError(f"the log-likelihood is {found[step]} after step {step}: expected a finite one; {family.cure}")
    if not (least := float(jnp.min(family.spread(model)))) > 0:
        raise UsageError(f"a variance is {least:.2g} after step {num_steps}: expected one above 0; {family.cure}")
    return Fit(model, found)


def maximize(x: Num[Array, "n d"], responsibilities: Num[Array, "n k"] | Bool[Array, "n k"]) -> GaussianMixture:
    """The mixture that maximises the expected log-joint: the M-step of EM, and with one-hot rows a start from clusters.

    argmax sum_ik r_ik log p(x_i, z_i = k)

    Args:
        x: data, [n, d].
        responsibilities: r, the probability of each component for each example, [n, k].

    Returns:
        The mixture, its covariances full.

    Raises:
        UsageError: data that are not finite, or a component with no more examples than dimensions, whose covariance is
            singular.

    Source: Dempster, Laird and Rubin 1977.
    """
    x, responsibilities = _data(x), _data(responsibilities)
    if len(x) != (found := len(responsibilities)):
        raise UsageError(f"found responsibilities of {found} examples: expected the {len(x)} of x")
    mixture = _moments(x, responsibilities)
    if not jnp.isfinite(mixture.scale_tril).all():
        least = float(jnp.sum(responsibilities, axis=0).min())
        found = f"a component with {least:.1f} of {len(x)} examples has no covariance in {x.shape[1]} dimensions"
        raise UsageError(f"{found}: use fewer components, or more data")
    return mixture


def _data(x: Any) -> Float[Array, "n _"]:
    """Data as floats of 32 bits at least, so that products of uint8 and bool do not wrap, and sums keep their digits.

    Raises:
        UsageError: they are no matrix, or not finite.
    """
    x = at_least_float32(jnp.asarray(x, jnp.result_type(float, jnp.asarray(x))))
    if x.ndim != 2:
        raise UsageError(f"found an array of shape {x.shape}: expected a row for each example, [n, d]")
    if num_bad := int(jnp.sum(~jnp.isfinite(x).all(axis=1))):
        raise UsageError(
            f"{num_bad} of {len(x)} examples have values that are nan or infinite: leave them out, or impute them"
        )
    return x


def _moments(x: Float[Array, "n d"], responsibilities: Float[Array, "n k"]) -> GaussianMixture:
    counts = jnp.sum(responsibilities, axis=0)
    mean = responsibilities.T @ x / counts[:, None]
    centred = x - mean[:, None]  # [k, n, d]
    covariance = jnp.einsum("nk,kni,knj->kij", responsibilities, centred, centred) / counts[:, None, None]
    return GaussianMixture(jnp.log(counts / counts.sum()), mean, jnp.linalg.cholesky(covariance))


def _responsibilities(mixture: GaussianMixture, x: Float[Array, "n d"]) -> Float[Array, "n k"]:
    return jax.vmap(lambda one: mixture.posterior(one).probs)(x)


class _Moments(NamedTuple):
    """Averages over the data of what a linear-Gaussian model's M-step needs."""

    cross: Float[Array, "d k"]  # of (x - mean) E[z|x]^T
    second: Float[Array, "k k"]  # of E[z z^T|x]


def _factors(model: LinearGaussian, x: Float[Array, "n d"]) -> _Moments:
    model = model._replace(mean=jnp.mean(x, axis=0))  # the best one whatever the weights are
    mean = jax.vmap(lambda one: model.posterior(one).mean)(x)
    cross = (x - model.mean).T @ mean / len(x)
    return _Moments(cross, model.posterior(x[0]).covariance_matrix + mean.T @ mean / len(x))


def _regression(x: Float[Array, "n d"], moments: _Moments) -> LinearGaussian:
    """W = E[(x - mean) z^T] E[z z^T]^-1,   Psi = diag(Cov[x] - W E[z (x - mean)^T]).

    Source: Rubin and Thayer 1982; Bishop 2006, equations 12.69 and 12.70.
    """
    weight = jnp.linalg.solve(moments.second, moments.cross.T).T
    return LinearGaussian(weight, jnp.mean(x, axis=0), jnp.var(x, axis=0) - jnp.sum(weight * moments.cross, axis=1))


def _isotropic(x: Float[Array, "n d"], moments: _Moments) -> LinearGaussian:
    """The same with one noise_var for all, the mean of Psi.

    Source: Tipping and Bishop 1999; Bishop 2006, equations 12.56 and 12.57.
    """
    model = _regression(x, moments)
    return model._replace(noise_var=jnp.mean(model.noise_var, keepdims=True))


def _log_likelihood(family: EM, state: EMState) -> Float[Array, ""]:
    return jnp.mean(jax.vmap(family.log_px(state.model))(state.x))


GAUSSIAN_MIXTURE = EM(
    _responsibilities,
    _moments,
    log_px=lambda mixture: mixture.marginal().log_prob,
    spread=lambda mixture: jnp.diagonal(mixture.scale_tril, axis1=1, axis2=2),
    cure="a component may have shrunk to a point: use fewer components, another start, or more data",
)
_CURE = "the latents may leave no noise in a column: use fewer, or drop columns that are constant or repeat others"
PPCA = EM(_factors, _isotropic, lambda model: model.log_px, lambda model: model.noise_var, _CURE)
FACTOR_ANALYSIS = PPCA._replace(m_step=_regression)
