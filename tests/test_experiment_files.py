"""Experiments of somebody's own: what they may import, and what is said of those that cannot be read."""

import sys

import pytest

import vaex
from vaex.__main__ import main
from vaex.errors import UsageError
from vaex.runs.experiments import about_experiments, load_experiment

GOOD = "from vaex.config import default_config\ndef get_config():\n    return default_config()\n"
BAD = {
    "syntax": (b"x = 1\ndef get_config(:\n", "line 2: SyntaxError"),
    "empty": (b"", "line 1: it has no get_config()"),
    "null": (b"x = 1\0\n", "line 1: "),
    "binary": (bytes(range(256)), "line 1: "),
    "latin": ("x = 'naïve'\n".encode("latin-1"), "line 1: SyntaxError"),
    "utf16": (GOOD.encode("utf-16"), "line 1: "),
    "import": (b"import os\nimport no_such_module\n", "line 2: ModuleNotFoundError"),
    "plain": (b"import neighbour\n", "import a neighbour by `from . import neighbour`"),
    "exit": (b"import sys\nsys.exit('enough')\n", "line 2: SystemExit: enough"),
    "exit_later": (b"def get_config():\n    raise SystemExit\n", "line 2: SystemExit"),
    "raises": (b"def get_config():\n    return {}['a\\nb']\n", "line 2: KeyError"),
    "base": (b"class E(BaseException): pass\nraise E('x')\n", "line 2: E: x"),
    "none": (b"x = 1\ndef get_config():\n    pass\n", "line 2: get_config() returns NoneType: expected a config"),
    "argument": (b"def get_config(x):\n    pass\n", "line 1: TypeError"),
    "no_function": (b"get_config = 3\n", "line 1: TypeError"),
    "bare": (
        b"from ml_collections import ConfigDict as C\ndef get_config(): return C()\n",
        "line 2: get_config() returns",
    ),
    "type": (GOOD.replace("default_config()\n", "default_config() | 1\n").encode(), "line 3: TypeError"),
    "section": (GOOD.replace("return", "c =").encode() + b"    c.data = 'digits'\n    return c\n", "line 4: "),
    "choice": (
        GOOD.replace("return", "c =").encode() + b"    c.model.name = 'x'\n    return c\n",
        "line 2: config.model",
    ),
    "of_a_neighbour": (b"from . import broken\n", "broken.py, line 2: SyntaxError"),
}


@pytest.mark.parametrize("kind", BAD)
def test_a_file_that_gives_no_config_is_one_line_with_file_and_line(tmp_path, kind):
    source, message = BAD[kind]
    (tmp_path / "neighbour.py").write_text("")
    (tmp_path / "broken.py").write_text("x = 1\nx = = 2\n")
    (tmp_path / "mine.py").write_bytes(source)
    with pytest.raises(UsageError) as caught:
        load_experiment(str(tmp_path / "mine.py"))
    assert message in str(caught.value)
    assert str(tmp_path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_debug_shows_the_traceback_of_the_file(tmp_path, capsys):
    (tmp_path / "mine.py").write_text("def get_config():\n    return 1 / 0\n")
    assert main(["config", str(tmp_path / "mine.py")]) == 2
    short = capsys.readouterr().err
    assert main(["config", str(tmp_path / "mine.py"), "--debug"]) == 2
    long = capsys.readouterr().err
    assert short.count("\n") == 1
    assert long.endswith(short)
    assert "return 1 / 0" in long


def test_a_folder_of_its_name_and_files_that_cannot_be_read_do_not_hide_the_others(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for kind, (source, _) in BAD.items():
        (tmp_path / "experiments").mkdir(exist_ok=True)
        (tmp_path / "experiments" / f"{kind}.py").write_bytes(source)
    (tmp_path / "experiments/folder.py").mkdir()
    assert {"syntax", "binary", "mnist_gauss"} < set(about_experiments())
    assert main(["config", str(tmp_path / "experiments/folder.py")]) == 2
    assert "unknown experiment" in capsys.readouterr().err


def test_an_experiment_imports_its_neighbours_and_nothing_from_the_folder_above(tmp_path):
    """Nor does vaex itself."""
    folder = tmp_path / "mine"
    folder.mkdir()
    for planted in (tmp_path / "orbax.py", tmp_path / "planted.py", folder / "orbax.py"):
        planted.write_text("raise SystemExit('ran as ours')\n")
    (folder / "neighbour.py").write_text("SEED = 3\n")
    lines = "from .neighbour import SEED\n", GOOD.replace("return", "c ="), "    c.seed = SEED\n    return c\n"
    (folder / "my.own-file.py").write_text("".join(lines))
    before = list(sys.path)
    assert load_experiment(str(folder / "my.own-file.py")).seed == 3
    assert sys.path == before
    (folder / "other.py").write_text("import planted\n")
    with pytest.raises(UsageError, match="No module named 'planted'"):
        load_experiment(str(folder / "other.py"))
    (folder / "above.py").write_text("from .. import planted\n")
    with pytest.raises(UsageError, match="ImportError"):
        load_experiment(str(folder / "above.py"))


def test_the_version_is_the_packages(capsys):
    with pytest.raises(SystemExit, match="0"):
        main(["--version"])
    assert capsys.readouterr().out == f"vaex {vaex.__version__}\n"
