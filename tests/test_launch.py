"""Members of a sweep as jobs: which are handed over, what is gathered, and what is told without submitit."""

import os
import sys
from types import SimpleNamespace

import jax
import pytest

from tests.refusal import refusal
from vaex.errors import UsageError
from vaex.runs import commands, folder
from vaex.runs.sweeps import launch


class Executor:
    """Of submitit's shape; a job is done at once, in this process."""

    cluster = "local"

    def __init__(self, folder):
        self.parts = []

    def update_parameters(self, **parameters):
        self.parameters = parameters

    def submit(self, function, *arguments):
        found = function(*arguments)
        return SimpleNamespace(done=lambda: True, exception=lambda: None, result=lambda: found)


def test_jobs_train_what_is_neither_finished_nor_under_way(tmp_path, monkeypatch):
    runs = [tmp_path / name for name in "abcd"]
    for run in runs:
        run.mkdir()
    (runs[0] / folder.RESULTS).write_text("{}")
    trained = []

    def resume(path):
        trained.append(path)
        if path.endswith("c"):
            raise UsageError("the loss became non-finite")

    monkeypatch.setattr(commands, "resume", resume)
    with folder.locked(runs[1]):
        stopped = launch._train(SimpleNamespace(AutoExecutor=Executor), tmp_path, runs)
    assert sorted(trained) == [str(runs[2]), str(runs[3])]
    assert stopped == {"c": "the loss became non-finite"}


@pytest.mark.parametrize(("seen", "names"), [("", ["0", "1"]), ("2,5", ["2", "5"])])
def test_each_job_of_this_machine_has_a_gpu_of_its_own(tmp_path, monkeypatch, seen, names):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", seen)
    monkeypatch.setattr(jax, "default_backend", lambda: "gpu")
    monkeypatch.setattr(jax, "local_device_count", lambda: 2)
    found = {}
    monkeypatch.setattr(commands, "resume", lambda path: found.setdefault(path[-1], os.environ["CUDA_VISIBLE_DEVICES"]))
    monkeypatch.setattr(launch, "_is_free", lambda run: True)
    launch._train(SimpleNamespace(AutoExecutor=Executor), tmp_path, [tmp_path / name for name in "abc"])
    assert found == {"a": names[0], "c": names[0], "b": names[1]}


def test_without_submitit_it_is_told_how_to_get_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "submitit", None)
    assert "--launch=slurm needs submitit, which is not installed" in refusal(launch._submitit)[0]
