"""The README's examples run, and what it names exists."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()
EXAMPLES = re.findall(r"```python\n(.*?)```", README, flags=re.DOTALL)


@pytest.mark.parametrize("code", EXAMPLES, ids=["losses", "plain-jax", "flax-nnx", "equinox"])
def test_an_example_runs_and_gives_gradients_that_are_not_zero(code):
    import jax
    import numpy as np

    names: dict = {}
    exec(compile(code, "README.md", "exec"), names)
    if "gradients" in names:
        leaves = [leaf for leaf in jax.tree.leaves(names["gradients"]) if hasattr(leaf, "shape")]
        assert leaves
        assert all(np.isfinite(leaf).all() for leaf in leaves)
        assert any(np.abs(leaf).max() > 0 for leaf in leaves)


def test_every_experiment_has_its_row():
    for path in (ROOT / "experiments").glob("[!_]*.py"):
        assert f"`{path.stem}`" in README, path.stem


def test_every_name_in_the_table_of_equations_exists():
    import importlib

    table = README.split("## Where the equations live")[1].split("## Speed")[0]
    names = re.findall(r"`((?:\w+\.)+\w+)(?:\(.*?\))?`", table)
    assert len(names) > 60
    for name in names:
        module, _, attribute = name.rpartition(".")
        assert hasattr(importlib.import_module(f"vaex.{module}"), attribute), name
