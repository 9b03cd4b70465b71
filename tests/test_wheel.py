"""What is installed and released: every module and experiment, the command, and a name that is nobody else's."""

import re
import shutil
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from email.parser import Parser
from pathlib import Path

ROOT = Path(__file__).parent.parent


def modules(folder):
    paths = [path for path in (ROOT / folder).rglob("*") if path.suffix in (".py", ".css", ".js")]
    return {path.relative_to(ROOT).as_posix() for path in paths}


def test_a_release_has_all_that_a_checkout_has(tmp_path):
    """Built without a network, as `make dist` builds; in a copy, since setuptools writes beside what it builds."""
    for folder in ("vaex", "experiments"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__"))
    for file in ("pyproject.toml", "MANIFEST.in", "CHANGELOG.md", "README.md", "LICENSE"):
        shutil.copy(ROOT / file, tmp_path)
    script = "from setuptools.build_meta import build_sdist, build_wheel; build_sdist('dist'), build_wheel('dist')"
    done = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    (wheel,) = (tmp_path / "dist").glob("*.whl")
    with zipfile.ZipFile(wheel) as built:
        (info,) = {name.split("/")[0] for name in built.namelist() if ".dist-info/" in name}
        metadata = Parser().parsestr(built.read(f"{info}/METADATA").decode())
        commands = built.read(f"{info}/entry_points.txt").decode().split()
        files = {name for name in built.namelist() if not name.startswith(info)}
    # Experiments lie in vaex/ there, where the command looks for them after the user's own folder.
    shown = {
        str(path.relative_to(ROOT)) for ending in ("css", "js", "html") for path in ROOT.glob(f"vaex/**/*.{ending}")
    }
    assert len(shown) > 6  # of pages
    assert files == modules("vaex") | {f"vaex/{name}" for name in modules("experiments")} | {"vaex/py.typed"} | shown
    (sdist,) = (tmp_path / "dist").glob("*.tar.gz")
    with tarfile.open(sdist) as built:
        packed = {name.split("/", 1)[-1] for name in built.getnames()}
    sources = {"pyproject.toml", "README.md", "LICENSE", "CHANGELOG.md", "vaex/py.typed"}
    assert packed >= modules("vaex") | modules("experiments") | sources | shown
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


def test_the_version_is_written_once_and_the_newest_change_is_of_it():
    import vaex

    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    headings = re.findall(
        r"^## (\S+) - (unreleased|\d{4}-\d\d-\d\d)$", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE
    )
    assert headings[0][0] == project["version"]
    assert vaex.__version__ in (project["version"], "unknown")  # a checkout on the path may not be installed
    assert "version:" not in (ROOT / "CITATION.cff").read_text().replace("cff-version:", "")
