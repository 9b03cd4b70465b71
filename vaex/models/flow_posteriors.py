"""Posteriors by normalizing flows, from diagonal Gaussians: functions of the number of latents."""

import functools
from collections.abc import Callable
from typing import Annotated

from vaex.distributions import flows
from vaex.distributions.flows import Bijection
from vaex.errors import check_whole
from vaex.models.posteriors import Posterior, flow, starting_at
from vaex.networks.mlp import ACTIVATIONS
from vaex.networks.pairs import Widths


def planar(latent_dim: int, *, num_flows: int = 10, sigma: float = 1.0) -> Posterior:
    """Planar flows, whose parameters are all the encoder's.

    Args:
        latent_dim: d.
        num_flows: how many steps there are.
        sigma: the standard deviation of z_0 when training starts, as of diagonal.
    """
    check_whole(num_flows=num_flows)
    size = num_flows * (2 * latent_dim + 1)
    return _from(flows.planar(latent_dim, num_flows), latent_dim, size, sigma)


def iaf(
    latent_dim: int,
    *,
    num_flows: int = 2,
    hidden: Widths = (128,),
    context_dim: int | None = None,
    activation: Annotated[str, ACTIVATIONS] = "relu",
    sigma: float = 1.0,
) -> Posterior:
    """Inverse autoregressive flows.

    Args:
        latent_dim: d.
        num_flows: how many steps there are.
        hidden: the widths of each step's network.
        context_dim: how many numbers of the encoder each network sees; unset, latent_dim.
        activation: of these networks, a name in ACTIVATIONS.
        sigma: the standard deviation of z_0 when training starts, as of diagonal.
    """
    return _alternating(flows.inverse_autoregressive, latent_dim, num_flows, hidden, context_dim, activation, sigma)


def affine_coupling(
    latent_dim: int,
    *,
    num_flows: int = 2,
    hidden: Widths = (128,),
    context_dim: int | None = None,
    activation: Annotated[str, ACTIVATIONS] = "relu",
    sigma: float = 1.0,
) -> Posterior:
    """Affine coupling layers.

    Args:
        latent_dim: d.
        num_flows: how many layers there are.
        hidden: the widths of each layer's network.
        context_dim: how many numbers of the encoder each network sees; unset, latent_dim.
        activation: of these networks, a name in ACTIVATIONS.
        sigma: the standard deviation of z_0 when training starts, as of diagonal.
    """
    return _alternating(_AFFINE, latent_dim, num_flows, hidden, context_dim, activation, sigma)


def spline_coupling(
    latent_dim: int,
    *,
    num_flows: int = 2,
    hidden: Widths = (128,),
    num_bins: int = 8,
    context_dim: int | None = None,
    activation: Annotated[str, ACTIVATIONS] = "relu",
    sigma: float = 1.0,
) -> Posterior:
    """Coupling layers of rational-quadratic splines.

    Args:
        latent_dim: d.
        num_flows: how many layers there are.
        hidden: the widths of each layer's network.
        num_bins: of each spline.
        context_dim: how many numbers of the encoder each network sees; unset, latent_dim.
        activation: of these networks, a name in ACTIVATIONS.
        sigma: the standard deviation of z_0 when training starts, as of diagonal.
    """
    step = functools.partial(flows.coupling, elementwise=flows.rational_quadratic(num_bins))
    return _alternating(step, latent_dim, num_flows, hidden, context_dim, activation, sigma)


_AFFINE = functools.partial(flows.coupling, elementwise=flows.affine())


def _alternating(
    step: Callable[..., Bijection],
    latent_dim: int,
    num_flows: int,
    hidden: Widths,
    context_dim: int | None,
    activation: str,
    sigma: float,
) -> Posterior:
    check_whole(num_flows=num_flows, hidden=hidden, context_dim=context_dim)
    context = context_dim or latent_dim
    bijection = flows.alternate(step, latent_dim, num_flows, hidden, ACTIVATIONS[activation], context_dim=context)
    return _from(bijection, latent_dim, context, sigma)


def _from(bijection: Bijection, latent_dim: int, context: int, sigma: float) -> Posterior:
    family = starting_at(sigma, flow(latent_dim, bijection), slice(latent_dim, 2 * latent_dim))
    return Posterior(*family, raw_shape=(2 * latent_dim + context,))
