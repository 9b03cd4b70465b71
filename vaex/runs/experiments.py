"""Experiments and studies by their names: the files of the user's own folder first, then those of vaex."""

import ast
import difflib
import importlib
import importlib.util
import sys
import traceback
import zlib
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from vaex.errors import UsageError
from vaex.runs.docstrings import about

if TYPE_CHECKING:
    from vaex.config import Config

_HERE = Path(__file__).resolve().parent.parent


def load_experiment(name: str) -> "Config":
    """The config of NAME.py in an experiments folder, or of a Python file with a get_config().

    Raises:
        UsageError: there is no such file, or it does not parse, import or return a config; the message has the line.
    """
    from vaex.config import check_config  # which needs jax, as names alone do not

    path = _find(name)
    try:
        module = _import(path.parent, path.name)
        if "get_config" not in vars(module):
            raise UsageError("it has no get_config(): define one, which returns a config")
        return check_config(module.get_config())
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # SystemExit and whatever else a file of somebody's may raise
        raise UsageError(_where(path, error)) from error


def _find(name: str) -> Path:
    path = Path(name)
    if path.suffix != ".py":
        stem = name.removeprefix("experiments/")
        path = next((p for p in (folder / f"{stem}.py" for folder in folders()) if p.is_file()), Path(f"{stem}.py"))
    if not path.is_file():
        known = (
            experiment_names() if Path(name).suffix != ".py" else sorted(p.stem for p in path.parent.glob("[!_]*.py"))
        )
        near = difflib.get_close_matches(path.stem, known, n=3)
        among = f"nearest: {', '.join(near)}" if near else f"expected one of {', '.join(known)}"
        cure = among if known else "name a .py file with a get_config()"
        raise UsageError(f"unknown experiment {name!r}: {cure}")
    return path


def _where(path: Path, error: BaseException) -> str:
    """One line: the file, the line and what is wrong there."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if Path(frame.filename).parent == path.parent.resolve()]
    place = f"{own[-1].filename}, line {own[-1].lineno}" if own else f"{path}, line {_line_of_get_config(path)}"
    said = (str(error).strip().splitlines() or [""])[0]
    match error:
        case SyntaxError(filename=str(file), lineno=int(line)):  # perhaps a neighbour's
            place, said = f"{file}, line {line}", error.msg
        case UsageError():
            return f"{place}: {said}"
        case ModuleNotFoundError(name=str(name)) if (path.parent / f"{name}.py").is_file():
            said += f": import a neighbour by `from . import {name}`"
    return f"{place}: {type(error).__name__}{': ' if said else ''}{said}"


def _line_of_get_config(path: Path) -> int:
    """Where it starts, else the first line."""
    try:
        body = ast.parse(path.read_bytes()).body
    except (OSError, SyntaxError, ValueError, RecursionError, MemoryError):
        return 1
    return next((node.lineno for node in body if isinstance(node, ast.FunctionDef) and node.name == "get_config"), 1)


def load_studies() -> ModuleType:
    """The package of studies beside vaex's own experiments."""
    return importlib.import_module(f"{_package(folders()[-1])}.studies")


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
    return {path.stem: _first_line(path) for path in sorted(files, key=lambda path: path.stem)}


def _first_line(path: Path) -> str:
    """Of a file's docstring; a file that is no Python must not keep the others from being listed."""
    try:
        return about(path)
    except (OSError, SyntaxError, ValueError, RecursionError, MemoryError) as error:
        return f"({type(error).__name__})"


def _import(folder: Path, file: str) -> ModuleType:
    """A file of a folder, which it may import its neighbours from by `from . import`; sys.path stays as it is."""
    name = f"{_package(folder)}.{file.removesuffix('.py').replace('.', '_')}"
    spec = importlib.util.spec_from_file_location(name, folder.resolve() / file)
    if spec is None or spec.loader is None:
        raise UsageError("it is no Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def _package(folder: Path) -> str:
    """The name of a package that is this folder; nothing of the folder above it can be imported by it."""
    folder = folder.resolve()
    package = f"vaex_experiments_{zlib.crc32(str(folder).encode()):08x}"
    if package not in sys.modules:
        spec = ModuleSpec(package, None, is_package=True)
        spec.submodule_search_locations = [str(folder)]
        sys.modules[package] = importlib.util.module_from_spec(spec)
    importlib.invalidate_caches()
    return package
