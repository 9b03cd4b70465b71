"""Shapes and types are checked at run time in every test, and no test reaches a network or the user's caches."""

import os
import tempfile
import typing

_CACHE = tempfile.mkdtemp(prefix="vaex-tests-")
os.environ["VAEX_CACHE_DIR"] = _CACHE
os.environ["TFDS_DATA_DIR"] = os.path.join(_CACHE, "tfds")
os.environ.setdefault("JAX_COMPILATION_CACHE_DIR", os.path.expanduser("~/.cache/vaex/jax-tests"))
os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0.2")
os.environ.pop("VAEX_DATA_DIR", None)

import beartype  # noqa: F401, E402
from jaxtyping import install_import_hook  # noqa: E402

CHECKED = (
    "bounds losses distributions networks model flows chains deep hierarchies objectives evaluate train data.preprocess"
    " grids mixtures vqvae"
)

with install_import_hook([f"vaex.{name}" for name in CHECKED.split()], "beartype.beartype"):
    import jax  # noqa: F401

    import vaex

    # These two import their annotations only for type checkers, so as to need nothing but jax.
    typing.TYPE_CHECKING = True
    import vaex.bounds
    import vaex.losses

    typing.TYPE_CHECKING = False
    import vaex.evaluate
    import vaex.train
    import vaex.vqvae  # noqa: F401

import pytest  # noqa: E402

from vaex.data import sources  # noqa: E402


@pytest.fixture(autouse=True)
def _no_network(monkeypatch):
    monkeypatch.setattr(sources, "host_answers", lambda seconds: False)
