"""The structure: imports point one way, the losses need only jax, and every experiment builds."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
ROWS = [  # of files and folders; a folder is all in one row
    {"errors", "losses", "bounds", "study_names"},
    {"distributions", "networks", "grids"},
    {"model"},
    {"flows"},
    {
        "chains",
        "hierarchies",
        "likelihoods",
        "posteriors",
        "priors",
        "conditional",
        "autoencoder",
        "labels",
        "stacked",
        "deep",
    },
    {"exact", "mixtures", "vqvae", "schedules", "graphs", "latent_nodes", "imputation", "missing", "objectives"},
    {"data", "train", "evaluate", "plots", "gradients"},
    {"assess", "classify", "completions", "reconstructions", "figures", "fit", "run_folder", "checkpoints"},
    {"config", "console", "experiment"},
    {"results"},
    {"commands", "studies"},
    {"__main__", "__init__"},
]


def modules():
    for path in sorted((ROOT / "vaex").rglob("*.py")):
        name = ".".join(path.relative_to(ROOT / "vaex").with_suffix("").parts)
        yield name.removesuffix(".__init__"), path


def imports(path):
    """The vaex modules that a file imports anywhere in it."""
    known = {name for name, _ in modules()}
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "vaex":
            base = node.module.removeprefix("vaex").removeprefix(".")
            for alias in node.names:
                full = f"{base}.{alias.name}".removeprefix(".")
                yield full if full in known else base
        elif isinstance(node, ast.Import):
            yield from (alias.name.removeprefix("vaex.") for alias in node.names if alias.name.startswith("vaex."))


def test_every_module_has_its_row():
    assert {name.split(".")[0] for name, _ in modules()} == set().union(*ROWS)


@pytest.mark.parametrize(("name", "path"), list(modules()))
def test_a_module_imports_only_from_its_own_row_and_above(name, path):
    row = next(i for i, names in enumerate(ROWS) if name.split(".")[0] in names)
    allowed = set().union(*ROWS[: row + 1])
    assert {imported.split(".")[0] for imported in imports(path)} - {""} <= allowed


@pytest.mark.parametrize("module", ["vaex.losses", "vaex.bounds"])
def test_the_first_row_needs_nothing_beyond_jax(module):
    script = (
        f"import sys, jax, jax.numpy; before = set(sys.modules); import {module}; print(*(set(sys.modules) - before))"
    )
    out = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
    assert {name.split(".")[0] for name in out.split()} == {"vaex"}


def test_only_one_file_reads_a_config():
    """Only config.py, which defines it, and experiment/ look inside a config."""
    for name, path in modules():
        if name.split(".")[0] not in ("config", "experiment"):
            for node in ast.walk(ast.parse(path.read_text())):
                looks_inside = isinstance(node, ast.Attribute | ast.Subscript)
                assert not (looks_inside and isinstance(node.value, ast.Name) and node.value.id == "config"), name


@pytest.mark.parametrize("path", sorted((ROOT / "experiments").glob("[!_]*.py")), ids=lambda p: p.stem)
def test_every_experiment_builds_its_model(path):
    import jax
    import numpy as np

    from vaex.config import load_experiment, override
    from vaex.experiment.likelihoods import Source
    from vaex.experiment.models import build_model

    config = override(load_experiment(str(path)), ["--config.seed=1"])
    model = build_model(config, Source((28, 28, 1), np.zeros((1000, 28, 28, 1), np.uint8)))
    shapes = jax.eval_shape(model.init, jax.random.key(0))
    assert jax.tree.leaves(shapes)
    assert f"make train EXP={path.stem}" in path.read_text()


def test_every_study_is_named_and_has_its_file():
    from vaex.studies import STUDIES
    from vaex.study_names import STUDY_NAMES

    assert set(STUDIES) == set(STUDY_NAMES) == {p.stem for p in (ROOT / "vaex" / "studies").glob("[!_]*.py")}
