"""What a folder of runs cannot be, and a machine that has no locks, or no room for as many files."""

import errno
import fcntl
import os
import resource

import pytest

from tests.refusal import refusal
from vaex import files
from vaex.__main__ import main
from vaex.runs import folder
from vaex.runs.create import create_run
from vaex.runs.experiments import load_experiment
from vaex.runs.sweeps import sweep


def failing(number):
    def fail(*args):
        raise OSError(number, os.strerror(number))

    return fail


def test_on_a_file_system_without_locks_no_run_is_made(tmp_path, monkeypatch):
    monkeypatch.setattr(fcntl, "flock", failing(errno.ENOLCK))
    line, _ = refusal(lambda: create_run(tmp_path, "digits"))
    assert "cannot be locked: No locks available; its file system has no locks: name another with ARGS=--runs" in line
    assert [path.name for path in tmp_path.iterdir()] == ["digits"]
    assert not list((tmp_path / "digits").iterdir())


def test_too_many_open_files_are_no_matter_of_permissions(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "open", failing(errno.EMFILE))
    assert "Too many open files; allow more by `ulimit -n`" in refusal(lambda: folder.locked(tmp_path).__enter__())[0]


@pytest.mark.parametrize(("hard", "wanted"), [(1024, 1024), (9000, 3024), (resource.RLIM_INFINITY, 3024)])
def test_a_sweep_asks_for_as_many_files_as_its_members_hold(monkeypatch, hard, wanted):
    asked = []
    monkeypatch.setattr(resource, "getrlimit", lambda of: (1024, hard))
    monkeypatch.setattr(resource, "setrlimit", lambda of, limits: asked.append(limits))
    sweep._allow_files(2000)
    assert asked == [(wanted, hard)]


def test_an_experiment_is_not_called_as_the_link_to_the_last_run(tmp_path):
    swept = lambda: sweep.open_sweep(load_experiment("digits"), {}, "latest", tmp_path, called="a")
    for make in (lambda: create_run(tmp_path, "latest"), swept):
        assert "an experiment is called latest" in refusal(make)[0]
    assert not list(tmp_path.iterdir())


def test_what_probes_for_room_is_swept_up(tmp_path, monkeypatch):
    """By the process that ends at once, and, where that was killed, by the next that writes in the run."""
    (tmp_path / folder.CHECKPOINTS).mkdir()

    def killed(*args):
        assert len(left := list((tmp_path / folder.CHECKPOINTS).iterdir())) == 1
        files.sweep()
        assert not left[0].exists()

    monkeypatch.setattr(os, "posix_fallocate", killed, raising=False)
    files.reserve(tmp_path / folder.CHECKPOINTS, 10)
    assert not files._partial
    (left := tmp_path / folder.CHECKPOINTS / ".0123456789abcdef.tmp").touch()
    with folder.locked(tmp_path):
        assert not left.exists()


@pytest.mark.parametrize("words", [["--args", "--debug"], ["--debug"], ["--args", "--debug --config.seed=1"]])
def test_debug_is_a_word_of_args_too(words, capsys):
    assert main(["config", "digits", *words]) == 0
    assert main(["config", "nothing", *words]) == 2
    assert "Traceback" in capsys.readouterr().err
