"""Posteriors by their names: functions of the number of latents."""

import functools
from collections.abc import Callable
from typing import Annotated, NamedTuple

from jaxtyping import PRNGKeyArray

from vaex.choices import Choices
from vaex.distributions import flows
from vaex.distributions.flows import Bijection
from vaex.errors import check_whole
from vaex.model import Distribution, Family, Params
from vaex.models.posteriors import diagonal_normal, flow, full_normal, normal_mixture, one_hot_categorical
from vaex.networks.mlp import ACTIVATIONS
from vaex.networks.pairs import Shape, Widths


class Posterior(NamedTuple):
    """A Family with what a model is built of around it."""

    init: Callable[[PRNGKeyArray], Params]
    apply: Callable[..., Distribution]  # (params, raw) -> q(z|x)
    raw_shape: Shape  # of the encoder's output
    prior: str = "standard"  # in PRIORS, where none is named
    given: tuple[Family, Shape] | None = None  # of a network's p(z|c), and its raw shape; None: diagonal Gaussians


def diagonal(latent_dim: int) -> Posterior:
    """Independent Gaussians.

    Args:
        latent_dim: d.
    """
    return Posterior(*diagonal_normal(), raw_shape=(2 * latent_dim,))


def full(latent_dim: int) -> Posterior:
    """A Gaussian with full covariance, by a Cholesky factor.

    Args:
        latent_dim: d.
    """
    return Posterior(*full_normal(latent_dim), raw_shape=(latent_dim * (latent_dim + 3) // 2,))


def mixture(latent_dim: int, *, num_components: int = 4) -> Posterior:
    """A mixture of diagonal Gaussians, for the objectives elbo, stl and iwae.

    Args:
        latent_dim: d.
        num_components: J; num_samples of the objective are drawn from each.
    """
    check_whole(num_components=num_components)
    return Posterior(*normal_mixture(), raw_shape=(num_components, 2 * latent_dim + 1))


def one_hot(latent_dim: int, *, num_classes: int) -> Posterior:
    """Independent one-hot vectors.

    Args:
        latent_dim: how many there are.
        num_classes: of each.
    """
    check_whole(2, num_classes=num_classes)
    shape = (latent_dim, num_classes)
    return Posterior(*one_hot_categorical(), raw_shape=shape, prior="uniform", given=(one_hot_categorical(), shape))


def planar(latent_dim: int, *, num_flows: int) -> Posterior:
    """Planar flows, whose parameters are all the encoder's.

    Args:
        latent_dim: d.
        num_flows: how many steps there are.
    """
    check_whole(num_flows=num_flows)
    size = 2 * latent_dim + num_flows * (2 * latent_dim + 1)
    return Posterior(*flow(latent_dim, flows.planar(latent_dim, num_flows)), raw_shape=(size,))


def iaf(
    latent_dim: int,
    *,
    num_flows: int,
    hidden: Widths,
    context_dim: int | None = None,
    activation: Annotated[str, ACTIVATIONS] = "relu",
) -> Posterior:
    """Inverse autoregressive flows.

    Args:
        latent_dim: d.
        num_flows: how many steps there are.
        hidden: the widths of each step's network.
        context_dim: how many numbers of the encoder each network sees; unset, latent_dim.
        activation: of these networks, a name in ACTIVATIONS.
    """
    return _alternating(flows.inverse_autoregressive, latent_dim, num_flows, hidden, context_dim, activation)


def affine_coupling(
    latent_dim: int,
    *,
    num_flows: int,
    hidden: Widths,
    context_dim: int | None = None,
    activation: Annotated[str, ACTIVATIONS] = "relu",
) -> Posterior:
    """Affine coupling layers.

    Args:
        latent_dim: d.
        num_flows: how many layers there are.
        hidden: the widths of each layer's network.
        context_dim: how many numbers of the encoder each network sees; unset, latent_dim.
        activation: of these networks, a name in ACTIVATIONS.
    """
    return _alternating(_AFFINE, latent_dim, num_flows, hidden, context_dim, activation)


def spline_coupling(
    latent_dim: int,
    *,
    num_flows: int,
    hidden: Widths,
    num_bins: int = 8,
    context_dim: int | None = None,
    activation: Annotated[str, ACTIVATIONS] = "relu",
) -> Posterior:
    """Coupling layers of rational-quadratic splines.

    Args:
        latent_dim: d.
        num_flows: how many layers there are.
        hidden: the widths of each layer's network.
        num_bins: of each spline.
        context_dim: how many numbers of the encoder each network sees; unset, latent_dim.
        activation: of these networks, a name in ACTIVATIONS.
    """
    step = functools.partial(flows.coupling, elementwise=flows.rational_quadratic(num_bins))
    return _alternating(step, latent_dim, num_flows, hidden, context_dim, activation)


_AFFINE = functools.partial(flows.coupling, elementwise=flows.affine())


def _alternating(
    step: Callable[..., Bijection],
    latent_dim: int,
    num_flows: int,
    hidden: Widths,
    context_dim: int | None,
    activation: str,
) -> Posterior:
    check_whole(num_flows=num_flows, hidden=hidden, context_dim=context_dim)
    context = context_dim or latent_dim
    bijection = flows.alternate(step, latent_dim, num_flows, hidden, ACTIVATIONS[activation], context_dim=context)
    return Posterior(*flow(latent_dim, bijection), raw_shape=(2 * latent_dim + context,))


POSTERIORS = Choices(
    {
        "diagonal": diagonal,
        "full": full,
        "mixture": mixture,
        "planar": planar,
        "iaf": iaf,
        "affine_coupling": affine_coupling,
        "spline_coupling": spline_coupling,
        "one_hot": one_hot,
    },
    what="posterior",
)
