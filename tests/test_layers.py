"""The structure: imports point one way, the losses need only jax, and every experiment builds."""

import ast
import functools
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
ORDER = (  # of files and folders of vaex/, each of which imports only from those before it and from itself
    "errors",
    "files",
    "choices",
    "losses",
    "bounds",
    "model",
    "distributions",
    "networks",
    "models",
    "objectives",
    "inference",
    "data",
    "train",
    "evaluate",
    "sklearn",
    "figures",
    "config",
    "runs.page",
    "runs",
    "runs.answers",
    "runs.sweeps",
    "runs.reports",
    "runs.command_line",
    "__main__",
    "__init__",
)


def modules():
    for path in sorted((ROOT / "vaex").rglob("*.py")):
        name = ".".join(path.relative_to(ROOT / "vaex").with_suffix("").parts)
        yield name.removesuffix(".__init__"), path


@functools.cache
def nodes(path):
    """Of a file's syntax those that tests look at, anywhere in it."""
    looked_at = ast.Import | ast.ImportFrom | ast.Attribute | ast.Subscript
    return [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, looked_at)]


def entry(module):
    """The entry of ORDER that a module, named below vaex, is in: the innermost."""
    return max((name for name in ORDER if f"{module}.".startswith(f"{name}.")), key=len)


def imports(path):
    """The modules of vaex that a file imports, anywhere in it, named below vaex."""
    for node in nodes(path):
        if isinstance(node, ast.ImportFrom) and node.module and f"{node.module}.".startswith("vaex."):
            yield from (f"{node.module}.{alias.name}".removeprefix("vaex.") for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from (alias.name.removeprefix("vaex.") for alias in node.names if alias.name.startswith("vaex."))


def test_a_file_imports_only_from_its_own_entry_and_those_before_it():
    for name, path in modules():
        allowed = ORDER[: ORDER.index(entry(name)) + 1]
        assert {entry(module) for module in imports(path)} <= set(allowed), name


def test_losses_and_bounds_need_nothing_beyond_jax():
    script = (
        "import sys, jax, jax.numpy; before = set(sys.modules); import vaex.losses, vaex.bounds; "
        "print(*(set(sys.modules) - before))"
    )
    out = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
    assert {name.split(".")[0] for name in out.split()} == {"vaex"}


def test_a_command_says_where_compiled_programs_are_kept_before_jax_reads_it(tmp_path):
    script = (
        "import sys; from vaex.runs.start import set_up_jax; set_up_jax(False); assert 'jax' not in sys.modules; "
        "import jax; print(jax.config.jax_compilation_cache_dir)"
    )
    env = {name: value for name, value in os.environ.items() if name != "JAX_COMPILATION_CACHE_DIR"}
    env["VAEX_CACHE_DIR"] = str(tmp_path)
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, env=env)
    assert done.stdout.strip() == str(tmp_path / "jax")


def test_what_is_slow_to_import_waits_until_it_is_needed():
    """At the top of a file these cost every command half a second or more; vaex.sklearn stands behind one of them."""
    slow = ("scipy.stats", "scipy.optimize", "sklearn", "blackjax")
    for name, path in modules():
        for node in (node for node in nodes(path) if node.col_offset == 0):
            found = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            found += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            assert not [module for module in found if module.startswith(slow)] or name.startswith("sklearn."), name


def test_only_one_folder_reads_a_config():
    for name, path in modules():
        if name.split(".")[0] != "config":
            for node in nodes(path):
                looks_inside = isinstance(node, ast.Attribute | ast.Subscript)
                assert not (looks_inside and isinstance(node.value, ast.Name) and node.value.id == "config"), name


def test_no_file_is_longer_than_two_hundred_lines():
    assert not [name for name, path in modules() if len(path.read_text().splitlines()) > 200]


def test_dir_shows_what_there_is():
    import vaex

    assert {"Model", "VAE", "load", "losses", "objectives", "train"} <= set(dir(vaex))
    assert all(getattr(vaex, name) is not None for name in dir(vaex))


@pytest.mark.parametrize("path", sorted((ROOT / "experiments").glob("[!_]*.py")), ids=lambda p: p.stem)
def test_every_experiment_builds_its_model(path, monkeypatch):
    """On data of MNIST's shape, of 64 x 64 pixels, with as many channels as a sequence has frames, or its own table."""
    import jax
    import numpy as np

    from vaex import data
    from vaex.config import override
    from vaex.config.task import build_task
    from vaex.data.sources.packaged import PACKAGED
    from vaex.runs.experiments import load_experiment

    whole = data.load

    def load(name, **kwargs):
        if name.startswith("toy:"):
            return whole(name, **kwargs)
        channels = 6 if name.startswith("bouncing:") else 1
        size = 64 if name == "shapes" else 28
        images = [np.zeros((n, size, size, channels), np.uint8) for n in (4000, 10, 10)]
        return data.Dataset("", "", "", *(data.Split(x, np.arange(len(x), dtype=np.int32) % 10) for x in images))

    config = override(load_experiment(str(path)), ["--config.seed=1"])
    if config.data.name not in PACKAGED or config.data.name == "shapes":
        monkeypatch.setattr(data, "load", load)
    task = build_task(config)
    shapes = jax.eval_shape(task.description.init, task.init_key)
    assert jax.tree.leaves(shapes)
    assert f"make train EXP={path.stem}" in path.read_text()


def test_every_study_is_named_and_has_its_file():
    from vaex.runs.experiments import load_studies

    studies = load_studies()
    assert set(studies.STUDIES) == {p.stem for p in (ROOT / "experiments" / "studies").glob("[!_]*.py")}
