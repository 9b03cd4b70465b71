"""What a run was computed by: the versions and the device of this process."""

from importlib.metadata import PackageNotFoundError, version

import jax

_PACKAGES = ("jax", "jaxlib", "flax", "optax", "numpyro", "numpy")


def environment() -> dict[str, object]:
    """The versions and the device, as results.json has them."""
    return {"versions": versions(), "device": jax.devices()[0].device_kind}


def versions() -> dict[str, str | None]:
    """Of vaex and of what it computes by; None of what is not installed."""
    return {"vaex": _version("jax-vaex")} | {name: _version(name) for name in _PACKAGES}


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:  # jax-vaex, in a checkout that is not installed
        return None
