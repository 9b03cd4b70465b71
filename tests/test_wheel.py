"""What `pip install .` installs: every module and experiment, the command, and a name that is nobody else's."""

import shutil
import subprocess
import sys
import zipfile
from email.parser import Parser
from pathlib import Path

ROOT = Path(__file__).parent.parent


def modules(folder):
    paths = [path for path in (ROOT / folder).rglob("*") if path.suffix in (".py", ".css", ".js")]
    return {path.relative_to(ROOT).as_posix() for path in paths}


def test_the_wheel_has_all_that_a_checkout_has(tmp_path):
    """Built without a network, as `make setup` builds; in a copy, since setuptools writes beside what it builds."""
    for folder in ("vaex", "experiments"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__"))
    for file in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / file, tmp_path)
    script = "from setuptools.build_meta import build_wheel; build_wheel('dist')"
    done = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    (wheel,) = (tmp_path / "dist").glob("*.whl")
    with zipfile.ZipFile(wheel) as built:
        (info,) = {name.split("/")[0] for name in built.namelist() if ".dist-info/" in name}
        metadata = Parser().parsestr(built.read(f"{info}/METADATA").decode())
        commands = built.read(f"{info}/entry_points.txt").decode().split()
        files = {name for name in built.namelist() if not name.startswith(info)}
    # Experiments lie in vaex/ there, where the command looks for them after the user's own folder.
    assert files == modules("vaex") | {f"vaex/{name}" for name in modules("experiments")}
    assert metadata["Name"] == "jax-vaex"  # vaex on PyPI is a library of data frames
    assert commands == ["[console_scripts]", "vaex", "=", "vaex.__main__:run"]
    needed = [line.split(";")[0] for line in metadata.get_all("Requires-Dist", []) if "extra ==" not in line]
    assert {name.rstrip("<>=.,0123456789") for name in needed} == {"jax", "flax", "optax", "numpyro", "jaxtyping"}


def test_no_lock_but_that_of_tfds_has_tensorflow():
    """Its 1.3 GB are asked for, never brought along; and what builds the package itself is named."""
    locks = {path.name: path.read_text().splitlines() for path in ROOT.glob("requirements*.lock")}
    named = {name: [line.split("==")[0] for line in lines] for name, lines in locks.items()}
    has = {name for name, packages in named.items() if {"tensorflow", "tensorflow-cpu"} & {*packages}}
    assert has == {"requirements-tfds.lock"}
    assert "setuptools" in named["requirements.lock"]
    together = {line for lines in locks.values() for line in lines}
    assert len(together) == sum(map(len, locks.values()))  # each version is written once
