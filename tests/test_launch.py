"""Members of a sweep as jobs: which are handed over, what is gathered, and what is told without submitit."""

import os
import signal
import sys
from types import SimpleNamespace

import jax
import pytest

from tests.refusal import refusal
from vaex.errors import InUse, UsageError
from vaex.runs import commands, folder
from vaex.runs.sweeps import launch


class Executor:
    """Of submitit's shape; a job is done at once, in this process."""

    cluster = "local"

    def __init__(self, folder):
        self.parts = []

    def update_parameters(self, **parameters):
        self.parameters = parameters

    def submit(self, function, *arguments, **options):
        assert signal.getsignal(signal.SIGINT) == signal.SIG_IGN  # which a job inherits
        found = function(*arguments, **options)
        return SimpleNamespace(done=lambda: True, exception=lambda: None, result=lambda: found)


def test_jobs_train_what_is_neither_finished_nor_under_way(tmp_path, monkeypatch):
    """Nor what another job takes up or finishes meanwhile; none of that has stopped. Ctrl-C is for none of the jobs."""
    runs = [tmp_path / name for name in "abcdef"]
    for run in runs:
        run.mkdir()
    (runs[0] / folder.RESULTS).write_text("{}")
    trained, apart = [], []
    monkeypatch.setattr(jax, "local_device_count", lambda: 1)
    monkeypatch.setattr(os, "setpgid", lambda *numbers: apart.append(numbers))

    def resume(path, *, command):
        assert command == "vaex sweep"
        trained.append(path[-1])
        if path.endswith("c"):
            raise UsageError("the loss became non-finite")
        if path.endswith("d"):
            raise InUse("by another job")
        (runs[-1] / folder.RESULTS).write_text("{}")

    monkeypatch.setattr(commands, "resume", resume)
    before = signal.getsignal(signal.SIGINT)
    with folder.locked(runs[1]):
        stopped = launch._train(SimpleNamespace(AutoExecutor=Executor), tmp_path, runs, "vaex sweep")
    assert trained == ["c", "d", "e"]
    assert apart == [(0, 0)]
    assert signal.getsignal(signal.SIGINT) == before
    assert stopped == {"c": "the loss became non-finite"}


@pytest.mark.parametrize(("seen", "names"), [("", ["0", "1"]), ("2,5", ["2", "5"])])
def test_each_job_of_this_machine_has_a_gpu_of_its_own(tmp_path, monkeypatch, seen, names):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", seen)
    monkeypatch.setattr(jax, "default_backend", lambda: "gpu")
    monkeypatch.setattr(jax, "local_device_count", lambda: 2)
    found = {}
    monkeypatch.setattr(
        commands, "resume", lambda path, **_: found.setdefault(path[-1], os.environ["CUDA_VISIBLE_DEVICES"])
    )
    monkeypatch.setattr(os, "setpgid", lambda *numbers: None)
    monkeypatch.setattr(launch, "_is_free", lambda run: True)
    launch._train(SimpleNamespace(AutoExecutor=Executor), tmp_path, [tmp_path / name for name in "abc"], "")
    assert found == {"a": names[0], "c": names[0], "b": names[1]}


def test_without_submitit_it_is_told_how_to_get_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "submitit", None)
    assert "--launch=slurm needs submitit, which is not installed" in refusal(launch._submitit)[0]
