"""Normalizing flows: bijections whose log-determinants are cheap, and the distributions that they make."""

from vaex.flows.autoregressive import inverse_autoregressive
from vaex.flows.coupling import affine, coupling
from vaex.flows.flow import Bijection, Flow, chain
from vaex.flows.planar import planar
from vaex.flows.spline import rational_quadratic

__all__ = [
    "Bijection",
    "Flow",
    "affine",
    "chain",
    "coupling",
    "inverse_autoregressive",
    "planar",
    "rational_quadratic",
]
