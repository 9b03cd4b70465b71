"""Coordinate-ascent mean-field variational inference: one factor of q after another, each in closed form."""

from vaex.inference.cavi.discrete import discrete
from vaex.inference.cavi.gaussian_mixture import Prior, gaussian_mixture, prior_of
from vaex.inference.cavi.normal_gamma import NormalGamma, normal_gamma

__all__ = ["NormalGamma", "Prior", "discrete", "gaussian_mixture", "normal_gamma", "prior_of"]
