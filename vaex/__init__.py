"""Variational autoencoders in JAX: pure functions, each checked against an exact answer."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from vaex.experiment import load as load
    from vaex.model import VAE as VAE
    from vaex.model import Model as Model
    from vaex.objectives import Terms as Terms

# Loaded on first use, so that `import vaex.losses` needs nothing but jax.
_HOME = {"Model": "vaex.model", "VAE": "vaex.model", "Terms": "vaex.objectives", "load": "vaex.experiment"}
__all__ = ["VAE", "Model", "Terms", "load"]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'vaex' has no attribute {name!r}; it has {', '.join(__all__)} and its modules")
    return vars(import_module(_HOME[name]))[name]
