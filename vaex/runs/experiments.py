"""Experiments and studies by their names: the files of the user's own folder first, then those of vaex."""

import ast
import difflib
import importlib
import importlib.util
import sys
import zlib
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import Any

from vaex.errors import UsageError

_HERE = Path(__file__).resolve().parent.parent


def load_experiment(name: str) -> Any:
    """The config of NAME.py in an experiments folder, or of a Python file with a get_config()."""
    path = Path(name)
    if path.suffix != ".py":
        stem = name.removeprefix("experiments/")
        path = next((p for p in (folder / f"{stem}.py" for folder in folders()) if p.is_file()), Path(f"{stem}.py"))
    if not path.is_file():
        known = (
            experiment_names() if Path(name).suffix != ".py" else sorted(p.stem for p in path.parent.glob("[!_]*.py"))
        )
        near = difflib.get_close_matches(path.stem, known, n=3) or known
        cure = f"nearest: {', '.join(near)}" if known else "name a .py file with a get_config()"
        raise UsageError(f"unknown experiment {name!r}: {cure}")
    return _import(path.parent, path.stem).get_config()


def load_studies() -> ModuleType:
    """The package of studies beside vaex's own experiments."""
    return _import(folders()[-1], "studies")


def folders() -> list[Path]:
    """Where experiments lie: ./experiments, then those that came with vaex."""
    ours = next(folder for folder in (_HERE / "experiments", _HERE.parent / "experiments") if folder.is_dir())
    own = Path("experiments")
    return [own, ours] if own.is_dir() and own.resolve() != ours else [ours]


def experiment_names() -> list[str]:
    """All of them."""
    return list(about_experiments())


def about_experiments() -> dict[str, str]:
    """The first line of each experiment's docstring by its name, read without importing anything heavy."""
    return _about([path for folder in reversed(folders()) for path in folder.glob("[!_]*.py")])


def about_studies() -> dict[str, str]:
    """The same of the studies."""
    return _about(list((folders()[-1] / "studies").glob("[!_]*.py")))


def _about(files: list[Path]) -> dict[str, str]:
    docstrings = {path.stem: ast.get_docstring(ast.parse(path.read_text())) or "" for path in files}
    return {name: text.split("\n")[0] for name, text in sorted(docstrings.items())}


def _import(folder: Path, name: str) -> ModuleType:
    """A file of a folder, which it may import its neighbours from by `from . import`; sys.path stays as it is."""
    folder = folder.resolve()
    package = f"vaex_experiments_{zlib.crc32(str(folder).encode()):08x}"
    if package not in sys.modules:
        spec = ModuleSpec(package, None, is_package=True)
        spec.submodule_search_locations = [str(folder)]
        sys.modules[package] = importlib.util.module_from_spec(spec)
    sys.modules.pop(f"{package}.{name}", None)  # it may have changed
    importlib.invalidate_caches()
    return importlib.import_module(f"{package}.{name}")
