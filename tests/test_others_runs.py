"""Somebody else's run folder: opening it runs nothing, follows no link out of it, and writes nowhere else."""

import json
import shutil

import pytest

import vaex
from tests.refusal import refusal
from vaex.errors import UsageError
from vaex.files import replaced
from vaex.runs import folder


@pytest.mark.parametrize("name", ["config.json", "dataset.json", "checkpoints", "checkpoints/1/state/_METADATA"])
def test_no_link_is_followed_out_of_a_run_that_is_opened(run, tmp_path, name):
    outside = shutil.move(run / name, tmp_path / "outside")
    (run / name).symlink_to(outside)
    line, _ = refusal(lambda: vaex.load(run))
    assert f"{run / name} is a link" in str(line)


@pytest.mark.parametrize(
    "name", [".lock", "metrics.jsonl", "results.json", "samples.npz", "figures", "tensorboard", "answers"]
)
def test_no_link_is_followed_out_of_a_run_that_is_written_in(run, tmp_path, name):
    outside = tmp_path / "outside"
    outside.mkdir() if name in ("figures", "tensorboard", "answers") else outside.write_text("theirs")
    shutil.rmtree(run / name) if (run / name).is_dir() else (run / name).unlink(missing_ok=True)
    (run / name).symlink_to(outside)
    with pytest.raises(UsageError, match="is a link"), folder.locked(run):
        pass
    assert not list(outside.iterdir()) if outside.is_dir() else outside.read_text() == "theirs"


def test_a_file_that_is_written_takes_the_place_of_a_link(tmp_path):
    outside = tmp_path / "outside"
    outside.write_text("theirs")
    run = tmp_path / "run"
    run.mkdir()
    for name in ("results.json", "results.tmp"):
        (run / name).symlink_to(outside)
    folder.write_json(run / "results.json", {"ours": 1})
    with pytest.raises(TypeError), replaced(run / "half") as file:
        file.write("text")
    assert outside.read_text() == "theirs"
    assert json.loads((run / "results.json").read_text()) == {"ours": 1}
    assert sorted(p.name for p in run.iterdir()) == ["results.json", "results.tmp"]


def test_opening_a_run_runs_nothing_of_it_and_writes_nothing(run, tmp_path, monkeypatch):
    planted = 'raise SystemExit("this ran")\n'
    for place in (tmp_path / "experiments" / "digits.py", run / "orbax.py", run / "conftest.py"):
        place.parent.mkdir(exist_ok=True)
        place.write_text(planted)
    monkeypatch.chdir(tmp_path)
    before = {p: (p.stat().st_mtime_ns, p.stat().st_ino) for p in tmp_path.rglob("*")}
    vaex.load("run")
    assert {p: (p.stat().st_mtime_ns, p.stat().st_ino) for p in tmp_path.rglob("*")} == before
