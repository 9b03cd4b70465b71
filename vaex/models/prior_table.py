"""Priors by their names: functions of the number of latents."""

import functools
from collections.abc import Callable
from typing import Annotated, NamedTuple

import numpy as np
from jax.typing import ArrayLike
from jaxtyping import PRNGKeyArray

from vaex.choices import Build, Choices, supply
from vaex.distributions import flows
from vaex.errors import OptionError, UsageError, check_whole
from vaex.model import Distribution, Family, Params
from vaex.models import priors
from vaex.models.description import Refit, Source
from vaex.models.posteriors import Posterior, diagonal_normal
from vaex.networks.mlp import ACTIVATIONS, MLP
from vaex.networks.pairs import Widths


class Prior(NamedTuple):
    """A Family with what is made of it in training and in reports."""

    init: Callable[[PRNGKeyArray], Params]
    apply: Callable[..., Distribution]  # (params, encode) -> p(z), or (params, encode, condition) -> p(z|c)
    refit: Refit | None = None
    reports: tuple[str, ...] = ()  # names in evaluate.REPORTS
    figures: tuple[str, ...] = ()  # names in figures.FIGURES
    is_given: bool = False  # whether apply takes the condition
    is_of_posterior: bool = False  # whether it is made of q(z|x)
    is_of_reals: bool = False  # whether it draws vectors of any real numbers
    name: str = ""  # in PRIORS, once build_prior has made it
    num_components: int | None = None  # of a mixture whose clusters are reported


def standard(latent_dim: int) -> Prior:
    """N(0, I).

    Args:
        latent_dim: d.
    """
    return Prior(*priors.standard_normal(latent_dim), is_of_reals=True)


def uniform(latent_dim: int, *, posterior: Posterior) -> Prior:
    """Uniform over the classes of each one-hot latent, or over a sphere.

    Args:
        latent_dim: how many latents there are.
        posterior: what they are drawn from.
    """
    if posterior.uniform is None:
        raise UsageError(
            "model.prior is 'uniform', over one-hot latents or a sphere, and z is neither: name another prior, or of a "
            "vae, --config.model.posterior.name=one_hot or spherical"
        )
    return Prior(*posterior.uniform)


COVARIANCES = {"diagonal": priors.normal_mixture, "full": priors.full_normal_mixture}


def mixture(
    latent_dim: int,
    *,
    num_components: int = 10,
    covariance: Annotated[str, COVARIANCES] = "diagonal",
    fit_after: int | None = None,
) -> Prior:
    """A mixture of Gaussians.

    Args:
        latent_dim: d.
        num_components: K.
        covariance: of each component, a name in COVARIANCES.
        fit_after: epochs before it is fitted once to the latents, by EM; unset, never.
    """
    check_whole(num_components=num_components, fit_after=fit_after)
    refit = None
    if fit_after is not None:
        fit = lambda z, seed: priors.fitted_normal_mixture(z, num_components, covariance=covariance, seed=seed)
        refit = Refit("prior", fit_after, num_components, fit)
    prior = Prior(*COVARIANCES[covariance](latent_dim, num_components), refit=refit, is_of_reals=True)
    return prior._replace(reports=("clusters",), figures=("components",), num_components=num_components)


def vamp(latent_dim: int, *, source: Source, num_components: int = 100) -> Prior:
    """The variational mixture of posteriors.

    Args:
        latent_dim: d.
        source: whose images its pseudo-inputs start from.
        num_components: K, how many of them there are.
    """
    check_whole(num_components=num_components)
    return Prior(*priors.vamp(_pseudo_inputs(num_components, source)), is_of_posterior=True)


def flow(
    latent_dim: int,
    *,
    num_flows: int = 4,
    hidden: Widths = (128,),
    activation: Annotated[str, ACTIVATIONS] = "relu",
) -> Prior:
    """Affine coupling layers.

    Args:
        latent_dim: d.
        num_flows: how many layers there are.
        hidden: the widths of each layer's network.
        activation: of these networks, a name in ACTIVATIONS.
    """
    check_whole(num_flows=num_flows, hidden=hidden)
    step = functools.partial(flows.coupling, elementwise=flows.affine())
    bijection = flows.alternate(step, latent_dim, num_flows, hidden, ACTIVATIONS[activation], context_dim=0)
    return Prior(*priors.flow(latent_dim, bijection), is_of_reals=True)


def conditional(
    latent_dim: int,
    *,
    source: Source,
    posterior: Posterior,
    hidden: Widths = (500,),
    activation: Annotated[str, ACTIVATIONS] = "relu",
) -> Prior:
    """A network's p(z|c): diagonal Gaussians, or categorical variables for one-hot latents.

    Args:
        latent_dim: d.
        source: what c is like.
        posterior: of the same latents.
        hidden: the widths of the network's hidden layers.
        activation: of the network, a name in ACTIVATIONS.
    """
    check_whole(hidden=hidden)
    if source.condition_shape is None:
        raise UsageError(
            "model.prior is 'conditional' without a condition: set --config.data.condition, or another prior"
        )
    family, raw_shape = posterior.given or (diagonal_normal(), (2 * latent_dim,))
    network = MLP(hidden, raw_shape, ACTIVATIONS[activation])
    return Prior(*priors.learned_prior(network, family, source.condition_shape), is_given=True)


PRIORS = Choices(
    {
        "standard": standard,
        "uniform": uniform,
        "mixture": mixture,
        "vamp": vamp,
        "flow": flow,
        "conditional": conditional,
    },
    what="prior",
    context=("source", "posterior"),
)


def build_prior(prior: Build | None, latent_dim: int, source: Source, posterior: Posterior) -> Prior:
    """The prior of a model: the one that is named, or what goes with the posterior, or given a condition p(z|c)."""
    if prior is None:
        prior = PRIORS[posterior.prior if source.condition_shape is None else "conditional"]
    made: Prior = supply(prior, latent_dim, source=source, posterior=posterior)
    found = made._replace(name=PRIORS.name_of(prior))
    if found.is_of_reals and posterior.uniform is not None:
        raise UsageError(
            f"model.prior is {found.name!r}, over vectors of any real numbers, and model.posterior draws others: name "
            "another prior, uniform or vamp, or another posterior"
        )
    if source.condition_shape is None or found.is_given:
        return found
    return found._replace(apply=priors.fixed_prior(Family(found.init, found.apply)).apply)


def _pseudo_inputs(num_components: int, source: Source) -> ArrayLike:
    if source.columns:
        raise UsageError("model.prior is 'vamp', whose pseudo-inputs are images, with a table: name another prior")
    if source.images is None:
        return np.zeros((num_components, *source.x_shape), np.float32)
    if num_components > len(source.images):
        raise OptionError(
            "num_components",
            num_components,
            f"at most {len(source.images)}, the training images that a VampPrior's pseudo-inputs start from",
        )
    chosen = np.random.default_rng(0).choice(len(source.images), num_components, replace=False)
    return source.images[chosen].astype(np.float32) / 255
