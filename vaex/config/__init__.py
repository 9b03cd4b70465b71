"""The only folder that reads a config: its sections, and what they mean."""

from vaex.config.extend import extend
from vaex.config.fields import (
    Config,
    Told,
    check_config,
    default_config,
    describe,
    equal,
    read_config,
    save_config,
    told,
)
from vaex.config.override import override
from vaex.config.section import section
from vaex.data.augment import AUGMENTATIONS
from vaex.models import MODELS
from vaex.models.likelihoods import LIKELIHOODS
from vaex.models.noise import NOISES
from vaex.models.posterior_table import POSTERIORS
from vaex.models.prior_table import PRIORS
from vaex.networks import NETWORKS
from vaex.objectives import OBJECTIVES
from vaex.train import OPTIMIZERS, RATES, SCHEDULES

__all__ = [
    "AUGMENTATIONS",
    "LIKELIHOODS",
    "MODELS",
    "NETWORKS",
    "NOISES",
    "OBJECTIVES",
    "OPTIMIZERS",
    "POSTERIORS",
    "PRIORS",
    "RATES",
    "SCHEDULES",
    "Config",
    "Told",
    "check_config",
    "default_config",
    "describe",
    "equal",
    "extend",
    "override",
    "read_config",
    "save_config",
    "section",
    "told",
]
