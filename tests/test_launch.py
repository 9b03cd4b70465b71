"""Members of a sweep as jobs: which are handed over, what is gathered, and what is told without submitit."""

import sys
from types import SimpleNamespace

from tests.refusal import refusal
from vaex.errors import UsageError
from vaex.runs import commands, folder, launch


class Executor:
    """Of submitit's shape; a job is done at once, in this process."""

    cluster = "local"

    def __init__(self, folder):
        self.parts = []

    def update_parameters(self, **parameters):
        self.parameters = parameters

    def submit(self, function, part):
        found = function(part)
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


def test_without_submitit_it_is_told_how_to_get_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "submitit", None)
    assert "--launch=slurm needs submitit, which is not installed" in refusal(launch._submitit)[0]
