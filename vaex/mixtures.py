"""Gaussian mixtures: a categorical z and a Gaussian x given it, as a Model like any other; clusters read from one."""

from typing import Any, NamedTuple

import jax.numpy as jnp
import numpyro.distributions as dist
from jaxtyping import Array, Float
from numpyro.distributions import biject_to, constraints

from vaex.errors import UsageError
from vaex.model import Model, Params

_CHOLESKY = biject_to(constraints.lower_cholesky)  # d (d + 1) / 2 free numbers -> a triangle with a positive diagonal


class GaussianMixture(NamedTuple):
    """z ~ Categorical(softmax(logits)),   x|z ~ N(mean_z, scale_tril_z scale_tril_z^T)."""

    logits: Float[Array, " k"]
    mean: Float[Array, "k d"]
    scale_tril: Float[Array, "k d d"]

    def prior(self) -> Any:
        """p(z)."""
        return dist.Categorical(logits=self.logits)

    def decode(self, z: Array) -> Any:
        """p(x|z)."""
        return dist.MultivariateNormal(self.mean[z], scale_tril=self.scale_tril[z])

    def marginal(self) -> Any:
        """p(x) = sum_z p(z) p(x|z)."""
        return dist.MixtureSameFamily(self.prior(), dist.MultivariateNormal(self.mean, scale_tril=self.scale_tril))

    def posterior(self, x: Float[Array, " d"]) -> Any:
        """p(z|x)."""
        return component_posterior(self.marginal(), x)


def component_posterior(mixture: Any, value: Array) -> Any:
    """Which component of a mixture a value came from: p(c|value) by Bayes' rule.

    p(c|z) = w_c p(z|c) / sum_c' w_c' p(z|c')

    Args:
        mixture: one of numpyro's mixtures, or a `UniformMixture`: what has component_log_probs.
        value: one value, of the mixture's event shape.

    Returns:
        A Categorical over the components.

    Raises:
        UsageError: the distribution is no mixture.

    Source: the q(c|x) of Jiang et al. 2017, VaDE, is its mean over z ~ q(z|x).
    """
    if not hasattr(mixture, "component_log_probs"):
        raise UsageError(
            f"{type(mixture).__name__} has no components: clusters are read from a mixture, such as the prior "
            '"mixture" or "vamp"'
        )
    return dist.Categorical(logits=mixture.component_log_probs(value))


def bind_gaussian_mixture(params: Params) -> Model:
    """{"decoder": free_parameters(mixture)} -> Model, whose q(z|x) is the exact posterior: its ELBO is log p(x).

    Its gradient by `objectives.enumerate` is that of log p(x), since the ELBO is stationary in q there.
    """
    mixture = constrain(params["decoder"])
    return Model(prior=mixture.prior(), encode=mixture.posterior, decode=mixture.decode)


def free_parameters(mixture: GaussianMixture) -> Params:
    """The unconstrained numbers of a mixture: its covariances by the logarithm of their Cholesky factors' diagonals."""
    return {"logits": mixture.logits, "mean": mixture.mean, "scale": _CHOLESKY.inv(mixture.scale_tril)}


def constrain(free: Params) -> GaussianMixture:
    """The mixture that free_parameters were of."""
    return GaussianMixture(free["logits"], free["mean"], _CHOLESKY(free["scale"]))


def maximize(x: Float[Array, "n d"], responsibilities: Float[Array, "n k"]) -> GaussianMixture:
    """The mixture that maximises the expected log-joint: the M-step of EM, and with one-hot rows a start from clusters.

    argmax sum_ik r_ik log p(x_i, z_i = k)

    Args:
        x: data, [n, d].
        responsibilities: r, the probability of each component for each example, [n, k].

    Returns:
        The mixture, its covariances full.

    Raises:
        UsageError: a component with no more examples than dimensions, whose covariance is singular.

    Source: Dempster, Laird and Rubin 1977.
    """
    counts = jnp.sum(responsibilities, axis=0)
    mean = responsibilities.T @ x / counts[:, None]
    centred = x - mean[:, None]  # [k, n, d]
    covariance = jnp.einsum("nk,kni,knj->kij", responsibilities, centred, centred) / counts[:, None, None]
    scale_tril = jnp.linalg.cholesky(covariance)
    if not jnp.isfinite(scale_tril).all():
        raise UsageError(
            f"a component with {float(counts.min()):.1f} of {len(x)} examples has no covariance in {x.shape[1]} "
            "dimensions: use fewer components, or more data"
        )
    return GaussianMixture(jnp.log(counts / counts.sum()), mean, scale_tril)
