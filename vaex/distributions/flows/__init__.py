"""Normalizing flows: bijections whose log-determinants are cheap, and the distributions that they make."""

from vaex.distributions.flows.autoregressive import inverse_autoregressive
from vaex.distributions.flows.coupling import affine, coupling
from vaex.distributions.flows.flow import Bijection, Flow, alternate, chain
from vaex.distributions.flows.planar import planar
from vaex.distributions.flows.spline import rational_quadratic

__all__ = [
    "Bijection",
    "Flow",
    "affine",
    "alternate",
    "chain",
    "coupling",
    "inverse_autoregressive",
    "planar",
    "rational_quadratic",
]
