"""Sweeps: many runs in one program, each of them the run that it would be alone."""

import contextlib
import json
from types import SimpleNamespace

import jax
import numpy as np
import pytest

from tests.refusal import refusal
from vaex.__main__ import main
from vaex.config import measure, override, read_config, save_config
from vaex.config.groups import groups
from vaex.config.setup import setup
from vaex.config.sweep import members, split_flags, values_of
from vaex.errors import UsageError
from vaex.runs import checkpoints, commands, folder, results
from vaex.runs.experiments import load_experiment
from vaex.runs.sweeps import sweep
from vaex.runs.sweeps.ranking import Place, rank, show_ranking

SMALL = ["model.latent_dim=2", "model.network.encoder_hidden=()", "model.network.decoder_hidden=()"]
QUICK = [*SMALL, "evaluate.validation_samples=2", "data.num_validation=50", "train.num_epochs=2", "train.eval_every=2"]
FLAGS = [f"--config.{flag}" for flag in QUICK]


def bound_of_its_own(key, bind, x, **options):
    """A validation that is compiled fast, of parameters, examples and key."""
    return lambda params: {"elbo": jax.random.normal(key) + sum(leaf.sum() for leaf in jax.tree.leaves((params, x)))}


def newest(path):
    made = setup(read_config(path / folder.CONFIG))
    return checkpoints.restore(path, jax.eval_shape(made.init))


def test_members_are_the_runs_that_train_makes_also_after_an_interruption(tmp_path, monkeypatch, capsys):
    """Bit for bit; the one whose rate is no rate stops alone."""
    monkeypatch.setattr(results, "write", lambda *args: None)
    monkeypatch.setattr(measure, "validator", bound_of_its_own)
    rates = "--sweep.optimizer.learning_rate=1e-2,1e30"
    command = ["sweep", "digits", "--runs", str(tmp_path), "--name=two", "--sweep.seed=0:2", rates, *FLAGS]
    with monkeypatch.context() as patch:
        patch.setattr(sweep, "signals", lambda: contextlib.nullcontext(lambda: True))
        assert main(command) == 0
    path = tmp_path / "digits" / "sweep_two"
    assert "4 runs in one program" in (said := capsys.readouterr().out)
    assert "interrupted; the same command carries on" in said
    mine = path / "seed=1_learning_rate=1e-2"
    assert newest(mine)[1]["epoch"] == 1
    assert main(command) == 0
    assert "seed=0_learning_rate=1e30 stopped: the loss became non-finite" in (said := capsys.readouterr().out)
    assert "2, and 0" not in said
    page = path / "seed=0_learning_rate=1e30" / folder.PAGE
    assert "Training ended early: the loss became non-finite" in page.read_text()
    made_by = (mine / folder.COMMAND).read_text().splitlines()
    assert len(made_by) == 2  # and carried on
    assert "--sweep.seed=0:2" in made_by[1]
    ranked = json.loads((path / "ranking.json").read_text())["settings"]
    assert [(row["setting"]["optimizer.learning_rate"], row["num_stopped"]) for row in ranked] == [
        ("1e-2", 0),
        ("1e30", 2),
    ]
    elbos = [folder.read_metrics(path / f"seed={seed}_learning_rate=1e-2")[-1]["validation_elbo"] for seed in (0, 1)]
    np.testing.assert_allclose(ranked[0]["mean"], np.mean(elbos))
    np.testing.assert_allclose(ranked[0]["error"], abs(elbos[0] - elbos[1]) / 2)
    assert (path / "figures" / "ranking.png").exists()
    assert (best := (tmp_path / "latest").resolve().name) == f"seed={int(elbos[1] > elbos[0])}_learning_rate=1e-2"
    assert f" {best} " in said  # nothing of a table is cut where there is no terminal

    flags = ["--config.seed=1", "--config.optimizer.learning_rate=1e-2"]
    assert main(["train", "digits", "--runs", str(tmp_path), *FLAGS, *flags]) == 0
    alone = (tmp_path / "latest").resolve()
    jax.tree.map(np.testing.assert_array_equal, newest(mine)[0], newest(alone)[0])
    for file in (folder.CONFIG, folder.DATASET):
        assert (mine / file).read_bytes() == (alone / file).read_bytes()
    for row, other in zip(folder.read_metrics(mine), folder.read_metrics(alone), strict=True):
        assert list(row) == list(other)
        measured = [name for name in row if "seconds" not in name]
        for name in measured:
            np.testing.assert_allclose(row[name], other[name], rtol=1e-5, err_msg=name)
    assert main([*command[:4], "--name=two", "--sweep.seed=0:3", *FLAGS]) == 2
    assert "is another sweep's: name this one otherwise" in capsys.readouterr().err
    config = override(read_config(mine / folder.CONFIG), ["--config.train.num_epochs=9"])
    save_config(config, mine / folder.CONFIG)  # as if it had been carried on by itself
    assert main(command) == 2
    assert "has a run whose train.num_epochs is 9: expected 2, of this sweep" in capsys.readouterr().err


def test_fields_that_make_another_program_make_groups():
    """Shapes do; numbers of the loss do not, also where they are the end of a schedule."""
    base = override(load_experiment("digits"), [*FLAGS, "--config.schedule.name=linear", "--config.schedule.steps=9",
                                                "--config.schedule.option=beta"])  # fmt: skip
    found = groups(members(base, {"seed": "0:2", "model.latent_dim": "1,2", "objective.beta": "0.5,1"}))
    assert [(len(group.members), group.numbers) for group in found] == [(4, ("objective.beta",))] * 2
    assert [group.members[0].config.model.latent_dim for group in found] == [1, 2]


def test_values_are_split_at_commas_outside_of_brackets():
    assert values_of("model.network.encoder_hidden", "(8,4),(2,),16") == ["(8,4)", "(2,)", "16"]
    assert values_of("seed", "-1:2") == ["-1", "0", "1"]
    assert split_flags(["--sweep.seed=0:2", "--config.seed2=1"]) == ({"seed": "0:2"}, ["--config.seed2=1"])


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--sweep.seed=4:4"], "--sweep.seed is 4:4, an empty range"),
        (["--sweep.optimizer.learning_rate=1e-4:0.1"], "1e-4:0.1, a range of numbers that are not whole: --search=N"),
        (["--sweep.seed=1,,2"], "has no value between two commas"),
        (["--sweep.seed=1,1"], "names a value twice"),
        (["--sweep.seed=1,01"], "names one run twice, by {'seed': '1'} and {'seed': '01'}: expected different values"),
        (["--sweep.seed="], "names no values"),
        (["--sweep.seed=0:2", "--config.seed=1"], "--sweep.seed is of a field that another flag sets"),
        (["--sweep.lr=1,2"], "unknown config field --sweep.lr: it is --sweep.optimizer.learning_rate"),
        (["--sweep.optimizer.learning_rate=1e-3,-1"], "optimizer.learning_rate is -1.0: expected a number above 0"),
        (["--sweep.seed=-1:1"], "seed is -1: expected a whole number from 0"),
        ([], "a sweep needs --sweep.FIELD=VALUES"),
    ],
)
def test_what_cannot_be_swept_is_told_before_anything_is_made(words, message, tmp_path, capsys):
    assert main(["sweep", "digits", "--runs", str(tmp_path), *FLAGS, *words]) == 2
    told = capsys.readouterr().err
    assert message in told
    assert len(told.splitlines()) == 1
    assert not list(tmp_path.iterdir())


def test_what_is_no_sweep_fails_alone():
    with pytest.raises(UsageError, match="expected float"):
        members(load_experiment("digits"), {"optimizer.learning_rate": "1e-3,fast"})


def test_members_of_different_metrics_are_no_sweep(tmp_path, capsys):
    flags = ["--runs", str(tmp_path), "--sweep.objective.name=elbo,iwae"]
    assert main(["sweep", "digits", *flags]) == 2
    said = capsys.readouterr().err
    assert "members are selected by different validation metrics, bound and elbo, which do not compare: set" in said
    assert not list(tmp_path.iterdir())


def test_bounds_of_other_objectives_are_said_not_to_compare(tmp_path, capsys):
    place = Place({"objective.num_samples": "5"}, float("nan"), None, [], 0, load_experiment("digits"))
    show_ranking(tmp_path, [place], "digits", "bound")
    assert "by objective.num_samples bounds are others: they do not compare" in capsys.readouterr().out


def test_what_makes_other_data_is_said_not_to_compare(tmp_path, capsys):
    settings = [
        {"data.binarize": "dynamic", "model.latent_dim": "2"},
        {"data.binarize": "threshold", "model.latent_dim": "2"},
    ]
    digits = load_experiment("digits")
    placed = lambda setting, config=digits: Place(setting, float("nan"), None, [], 0, config)
    show_ranking(tmp_path, [placed(setting) for setting in settings], "digits", "elbo")
    assert "by data.binarize validation images are others: elbo does not compare" in capsys.readouterr().out
    show_ranking(tmp_path, [placed({"data.num_train": "9"})], "digits", "elbo")
    assert "does not compare" not in capsys.readouterr().out
    for metric, is_said in (("log_likelihood", True), ("elbo", False)):
        show_ranking(tmp_path, [placed({"evaluate.validation_samples": "9"})], "digits", metric)
        assert ("by evaluate.validation_samples log_likelihood is" in capsys.readouterr().out) is is_said
    variational = override(digits, ["--config.train.weights=variational"])
    for config, is_said in ((digits, False), (variational, True)):
        show_ranking(tmp_path, [placed({"evaluate.weight_draws": "9"}, config)], "digits", "reconstruction_error")
        assert ("by evaluate.weight_draws reconstruction_error is" in capsys.readouterr().out) is is_said


@pytest.mark.parametrize(("name", "is_said"), [("discretized_logistic", True), ("student_t", False)])
def test_a_density_is_said_not_to_compare_with_a_probability(tmp_path, capsys, name, is_said):
    flags = ["--config.data.binarize=none", "--config.model.likelihood.name=gaussian_pixel"]
    grey = override(load_experiment("digits"), flags)
    places = rank(members(grey, {"model.likelihood.name": f"gaussian_pixel,{name}"}), tmp_path, {})
    show_ranking(tmp_path, places, "digits", "elbo")
    assert ("some likelihoods are densities, some probabilities" in capsys.readouterr().out) == is_said


def test_a_member_is_done_once_all_of_it_is_written(run, monkeypatch, no_pictures):
    """One that was killed at its figures is scored again, and of one killed at its page that alone is written."""
    (run / folder.RESULTS).unlink()
    config = read_config(run / folder.CONFIG)
    group = SimpleNamespace(program=SimpleNamespace(made=setup(config)))
    again = lambda: sweep.evaluate(run.parent, group, [SimpleNamespace(name=run.name, config=config)])
    monkeypatch.setattr(results, "_reported", lambda *args: ({}, {}, {}))
    monkeypatch.setattr(results, "draw", lambda *args: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        again()
    assert not (run / folder.RESULTS).exists()
    monkeypatch.setattr(results, "draw", lambda *args: None)
    again()
    written = (run / folder.RESULTS).stat().st_mtime_ns
    (run / folder.PAGE).unlink()
    again()
    assert (run / folder.PAGE).exists()
    assert (run / folder.RESULTS).stat().st_mtime_ns == written


def test_a_damaged_checkpoint_that_is_the_only_one_may_be_moved_away(run, tmp_path):
    """But not where training started from it: from the start it would be another run."""
    for file in (run / "checkpoints" / "2" / "state").rglob("*"):
        if file.is_file():
            file.write_bytes(b"")
    damage = lambda: refusal(lambda: commands.resume(str(run)))[0]
    assert damage().endswith("copy it again from where it is whole, or move it away to go on from checkpoint 1")
    (run / "checkpoints" / "1").rename(tmp_path / "1")
    assert damage().endswith("or move it away to train run from the start")
    folder.write_json(run / folder.ORIGIN, {"run": "runs/other", "epoch": 1})
    assert damage().endswith("copy it again from where it is whole")
