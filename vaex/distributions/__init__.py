"""The distributions that numpyro.distributions lacks, or has only slower."""

from vaex.distributions import divergences as divergences  # registers what numpyro lacks
from vaex.distributions.bernoulli import IndependentBernoulli
from vaex.distributions.continuous_bernoulli import ContinuousBernoulli
from vaex.distributions.levels import NUM_LEVELS, CategoricalLevels, DiscretizedLogistic
from vaex.distributions.mixtures import DiagonalNormalMixture
from vaex.distributions.one_hot import OneHotCategorical
from vaex.distributions.sphere import PowerSpherical, UniformOnSphere
from vaex.distributions.states import all_states, check_num_states
from vaex.distributions.student_t import StudentT
from vaex.distributions.uniform_mixture import UniformMixture

__all__ = [
    "NUM_LEVELS",
    "CategoricalLevels",
    "ContinuousBernoulli",
    "DiagonalNormalMixture",
    "DiscretizedLogistic",
    "IndependentBernoulli",
    "OneHotCategorical",
    "PowerSpherical",
    "StudentT",
    "UniformMixture",
    "UniformOnSphere",
    "all_states",
    "check_num_states",
]
