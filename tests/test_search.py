"""Searches by optuna, whose members are trained as those of a sweep; what is trained here is not."""

import json
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.refusal import refusal
from vaex.__main__ import main
from vaex.config.search import read_space
from vaex.errors import UsageError
from vaex.runs import folder, results
from vaex.runs.experiments import load_experiment
from vaex.runs.sweeps import search, sweep

RATE = "optimizer.learning_rate"
COMMAND = ["sweep", "digits", "--search=11", f"--sweep.{RATE}=1e-4:1e-1", "--sweep.model.latent_dim=2:6"]


def test_without_optuna_it_is_named(monkeypatch, tmp_path, capsys):
    monkeypatch.setitem(sys.modules, "optuna", None)
    assert main([*COMMAND, "--runs", str(tmp_path)]) == 2
    assert "--search needs optuna, which is not installed: .venv/bin/pip install optuna" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("path", "text", "message"),
    [
        (RATE, "1e-1:1e-3", "an empty range: expected the smaller number first"),
        (RATE, "1:inf", "expected two finite numbers"),
        ("train.num_epochs", "1:inf", "expected two finite numbers"),
        ("train.num_epochs", "1:nan", "expected two finite numbers"),
        ("train.num_epochs", "2:2.5", "an empty range"),
        (RATE, "-1:1", "learning_rate is -1.0: expected a number above 0"),
        ("objective.name", "elbo,nothing", "objective.name is 'nothing': expected one of"),
        ("objective.kl", "1:2", "is no number: name its values between commas"),
        ("seed", "0:8", "no field to search over"),
        ("rate", "0:8", "unknown config field --sweep.rate"),
    ],
)
def test_what_cannot_be_searched_is_told(path, text, message):
    with pytest.raises(UsageError, match=message):
        read_space(load_experiment("digits"), path, text)


def test_a_search_asks_by_generations_and_carries_on_trials_that_were_under_way(tmp_path, monkeypatch, capsys):
    pytest.importorskip("optuna")
    group = SimpleNamespace(program=SimpleNamespace(made=SimpleNamespace(plan=SimpleNamespace(select="elbo"))))
    generations, evaluated, diverged, lost = [], [], [], []

    def groups(found):
        generations.append([dict(one.said) for one in found])
        diverged.append(max((one.name for one in found), key=best_of))
        return [group]

    def train_all(path, together, name, command):
        if len(generations) == 1:
            return {diverged[0]: "the loss became non-finite"}
        return None if len(generations) == 2 else {}

    def best_of(path):
        if Path(path).name in lost:
            return None
        rate = float(Path(path).name.rpartition("learning_rate=")[2])
        return -abs(rate - 0.01)

    monkeypatch.setattr(search, "groups", groups)
    monkeypatch.setattr(sweep, "check_group", lambda group: None)
    monkeypatch.setattr(results, "check_selection", lambda made: None)
    monkeypatch.setattr(sweep, "train_all", train_all)
    monkeypatch.setattr(sweep, "evaluate", lambda path, group, members: evaluated.append(members[0].name))
    monkeypatch.setattr(search, "point_latest", lambda root, path: None)
    monkeypatch.setattr(search, "best_of", best_of)
    monkeypatch.setattr("vaex.runs.sweeps.ranking.best_of", best_of)
    assert main([*COMMAND, "--runs", str(tmp_path)]) == 0
    assert [len(one) for one in generations] == [8, 3]  # the second is interrupted
    assert not evaluated
    assert main([*COMMAND, "--runs", str(tmp_path)]) == 0
    assert generations[2] == generations[1]
    asked = [*generations[0], *generations[1]]
    assert all(1e-4 <= float(said[RATE]) <= 1e-1 and 2 <= int(said["model.latent_dim"]) < 6 for said in asked)
    (path,) = (tmp_path / "digits").glob("search_*")
    ranked = json.loads((path / "ranking.json").read_text())["settings"]
    assert len(ranked) == 11
    assert [row["num_stopped"] for row in ranked] == [0] * 10 + [1]
    assert ranked.pop()["members"] == []  # it was validated, and diverged, in the process before
    means = [row["mean"] for row in ranked]
    assert means == sorted(means, reverse=True)
    assert evaluated == ranked[0]["members"][:1]
    assert main([*COMMAND[:2], "--search=12", *COMMAND[3:], "--runs", str(tmp_path)]) == 0
    assert len(generations[-2]) == 1  # the last is of the best alone
    assert (path / folder.CONFIG).exists() is False
    lost.append(evaluated[0])
    count = len(generations)
    monkeypatch.setattr(sweep, "train_all", lambda *_, **__: lost.clear() or {})
    assert main([*COMMAND[:2], "--search=12", *COMMAND[3:], "--runs", str(tmp_path)]) == 0
    assert [len(one) for one in generations[count:]] == [1, 1]  # the one that was lost, and the best
    assert evaluated[-1] == evaluated[0]
    assert "1 of 12 runs have no folder or no checkpoint left, and are trained again" in capsys.readouterr().out


def test_a_journal_that_a_kill_left_locked_and_cut_is_opened(tmp_path, monkeypatch):
    """By a relative path too; what is no line of optuna's is told."""
    optuna = pytest.importorskip("optuna")
    monkeypatch.chdir(tmp_path)
    study = search._study(optuna, Path(), 0)
    study.tell(study.ask(), 1.0)
    file = tmp_path / search.JOURNAL
    whole = file.read_bytes()
    file.write_bytes(whole + b'{"op_code":4,"worker')
    (tmp_path / f"{search.JOURNAL}.lock").symlink_to("gone/search.journal")
    (tmp_path / f"{search.JOURNAL}.lock0123.rename").touch()
    study = search._study(optuna, Path(), 0)
    assert [path.name for path in tmp_path.iterdir()] == [search.JOURNAL]
    assert [trial.value for trial in study.trials] == [1.0]
    study.tell(study.ask(), 2.0)
    assert [trial.value for trial in search._study(optuna, Path(), 0).trials] == [1.0, 2.0]
    file.write_bytes(whole[3:])
    line, _ = refusal(lambda: search._study(optuna, Path(), 0))
    assert f"{file}, line 1: expected JSON" in line
