"""Coordinate-ascent mean-field variational inference: one factor of q after another, each in closed form."""

from vaex.inference.cavi.discrete import discrete
from vaex.inference.cavi.gaussian_mixture import gaussian_mixture
from vaex.inference.cavi.normal_gamma import normal_gamma

__all__ = ["discrete", "gaussian_mixture", "normal_gamma"]
