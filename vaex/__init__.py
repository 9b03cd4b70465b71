"""Variational autoencoders in JAX: pure functions, each checked against an exact answer."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    __version__: str
    from vaex import bounds as bounds
    from vaex import data as data
    from vaex import distributions as distributions
    from vaex import evaluate as evaluate
    from vaex import figures as figures
    from vaex import inference as inference
    from vaex import losses as losses
    from vaex import models as models
    from vaex import networks as networks
    from vaex import objectives as objectives
    from vaex import sklearn as sklearn
    from vaex import train as train
    from vaex.config.program import make_train as make_train
    from vaex.distributions.masked import Masked as Masked
    from vaex.errors import OptionError as OptionError
    from vaex.errors import UsageError as UsageError
    from vaex.model import Conditional as Conditional
    from vaex.model import Given as Given
    from vaex.model import Model as Model
    from vaex.model import Observed as Observed
    from vaex.models.vae import VAE as VAE
    from vaex.objectives import Terms as Terms
    from vaex.runs.load import load as load
    from vaex.runs.trained import Trained as Trained

# Loaded on first use, so that `import vaex.losses` needs nothing but jax.
_MODULES = (
    "bounds",
    "data",
    "distributions",
    "evaluate",
    "figures",
    "inference",
    "losses",
    "models",
    "networks",
    "objectives",
    "sklearn",
    "train",
)
_HOME = {
    "Conditional": "vaex.model",
    "Given": "vaex.model",
    "Masked": "vaex.distributions.masked",
    "Model": "vaex.model",
    "Observed": "vaex.model",
    "OptionError": "vaex.errors",
    "Terms": "vaex.objectives",
    "Trained": "vaex.runs.trained",
    "UsageError": "vaex.errors",
    "VAE": "vaex.models.vae",
    "load": "vaex.runs.load",
    "make_train": "vaex.config.program",
}
__all__ = [*_HOME, *_MODULES]  # pyright: ignore[reportUnsupportedDunderAll]


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return import_module(f"vaex.{name}")
    if name in _HOME:
        return vars(import_module(_HOME[name]))[name]
    if name == "__version__":
        return _version()
    raise AttributeError(f"module 'vaex' has no attribute {name!r}; it has {', '.join(__all__)}")


def _version() -> str:
    """What was installed, whose number is pyproject.toml's."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("jax-vaex")
    except PackageNotFoundError:  # a checkout on the path that was never installed
        return "unknown"


def __dir__() -> list[str]:
    return sorted(__all__)
