"""Gaussian mixtures: a categorical z and a Gaussian x given it, as a Model like any other."""

from typing import Any, NamedTuple

import jax.numpy as jnp
import numpyro.distributions as dist
from jaxtyping import Array, Float
from numpyro.distributions import biject_to, constraints

from vaex.distributions.mixtures import component_posterior
from vaex.model import Model, Params
from vaex.models.scales import bounded_log_var
from vaex.models.structure import OBSERVED, Factor, Structure, Variable, recognition

_CHOLESKY = biject_to(constraints.lower_cholesky)  # d (d + 1) / 2 free numbers -> a triangle with a positive diagonal


class GaussianMixture(NamedTuple):
    """z ~ Categorical(softmax(logits)),   x|z ~ N(mean_z, scale_tril_z scale_tril_z^T)."""

    logits: Float[Array, " k"]
    mean: Float[Array, "k d"]
    scale_tril: Float[Array, "k d d"]

    def prior(self) -> Any:
        """p(z)."""
        return dist.Categorical(logits=self.logits)

    def decode(self, z: Array) -> dist.MultivariateNormal:
        """p(x|z)."""
        return dist.MultivariateNormal(self.mean[z], scale_tril=self.scale_tril[z])

    def marginal(self) -> dist.MixtureSameFamily:
        """p(x) = sum_z p(z) p(x|z)."""
        return dist.MixtureSameFamily(self.prior(), dist.MultivariateNormal(self.mean, scale_tril=self.scale_tril))

    @property
    def structure(self) -> Structure:
        """Of what bind_gaussian_mixture makes, as it is drawn."""
        num_components, d = self.mean.shape
        return Structure(
            (Variable("z", (num_components,)), Variable("x", (d,), OBSERVED)),
            (
                Factor("z", (), ("Categorical",), ("decoder/logits",)),
                Factor("x", ("z",), ("MultivariateNormal",), ("decoder/mean", "decoder/scale")),
                recognition("z", ("x",), ("Bayes' rule",)),
            ),
        )

    def posterior(self, x: Float[Array, " d"]) -> Any:
        """p(z|x)."""
        return component_posterior(self.marginal(), x)


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
    d = free["mean"].shape[-1]
    log_diagonal = 0.5 * bounded_log_var(2 * free["scale"][..., -d:])  # a component may be drawn to a single point
    scale = jnp.concatenate([free["scale"][..., :-d], log_diagonal], axis=-1)
    return GaussianMixture(free["logits"], free["mean"], _CHOLESKY(scale))
