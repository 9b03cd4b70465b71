"""A run that goes on with more epochs, and a run that starts from another."""

import json
from types import SimpleNamespace

import jax
import numpy as np
import pytest

import vaex
from vaex.__main__ import main
from vaex.config import override, read_config
from vaex.config.extend import extend
from vaex.config.setup import setup
from vaex.errors import UsageError
from vaex.models.columns import Column
from vaex.runs import checkpoints, commands, folder, origin, results
from vaex.runs.experiments import load_experiment

SMALL = ["model.latent_dim=2", "model.network.encoder_hidden=4", "model.network.decoder_hidden=4"]
QUICK = [f"--config.{field}" for field in [*SMALL, "evaluate.validation_samples=2"]]
COSINE = ["--config.train.learning_rate.name=cosine", "--config.train.learning_rate.final=1e-5"]


@pytest.fixture
def _unscored(monkeypatch):
    monkeypatch.setattr(results, "write", lambda *args: None)
    monkeypatch.setattr(results, "validate", lambda made: lambda params: {"elbo": -1.0})


def newest(path):
    made = setup(read_config(path / folder.CONFIG))
    return checkpoints.restore(path, jax.eval_shape(made.init))[0]


@pytest.mark.usefixtures("_unscored")
def test_more_epochs_are_those_of_a_run_that_had_them_from_the_start(tmp_path, capsys):
    """Bit for bit, with images that are read from disk: of the cosine over the first two epochs the rest is its end."""

    def trained(called, *flags):
        assert (
            main(
                [
                    "train",
                    "digits",
                    "--runs",
                    str(tmp_path),
                    f"--name={called}",
                    *QUICK,
                    *COSINE,
                    "--config.data.streaming=on",
                    *flags,
                ]
            )
            == 0
        )
        return (tmp_path / "latest").resolve()

    longer = trained("longer", "--config.train.num_epochs=2")
    assert main(["train", "--run", str(longer), "--config.train.num_epochs=4"]) == 0
    assert "--config.train.schedule_epochs=4 fits it to the run" in capsys.readouterr().out
    whole = trained("whole", "--config.train.num_epochs=4", "--config.train.schedule_epochs=2")
    jax.tree.map(np.testing.assert_array_equal, newest(longer), newest(whole))
    assert read_config(longer / "config_until_2.json").train.num_epochs == 2
    assert (longer / folder.CONFIG).read_bytes() == (whole / folder.CONFIG).read_bytes()
    stretched = origin.extended(longer, ["--config.train.num_epochs=9", "--config.train.schedule_epochs=9"], epoch=4)
    assert stretched.train.schedule_epochs == 9


def test_a_run_that_is_cut_short_keeps_its_schedule():
    config, said = override(load_experiment("digits"), [*COSINE, "--config.train.num_epochs=10"]), []
    shorter = extend(config, ["--config.train.num_epochs=8"], epoch=5, run="runs/a", log=said.append)
    assert shorter.train.schedule_epochs == 10
    assert said[0].startswith("the learning rate's schedule is over 10 epochs, and cut off after 8; --config")
    fits = extend(config, ["--config.train.num_epochs=8", "--config.train.schedule_epochs=8"], epoch=5, run="runs/a")
    assert fits.train.schedule_epochs == 8


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--config.optimizer.learning_rate=0.1"], "optimizer.learning_rate cannot change .*--from=.*/run --config"),
        (["--config.train.num_epochs=1"], "num_epochs is 1: expected at least the 2 epochs"),
        (["--config.train.learning_rate.name=cosine"], "train.learning_rate cannot change"),
        (["--config.data.binarize=none", "--config.train.num_epochs=4"], "data.binarize cannot change"),
    ],
)
def test_what_may_not_change_is_told_with_the_cure(saved_run, flags, message):
    with pytest.raises(UsageError, match=message) as refusal:
        origin.extended(saved_run, flags, epoch=2)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(
    ("field", "chosen_by"),
    [
        ("evaluate.validation_samples", "train.select=log_likelihood"),
        ("evaluate.weight_draws", "train.weights=variational"),
    ],
)
def test_what_the_best_checkpoint_is_chosen_by_stays(field, chosen_by):
    config = override(load_experiment("digits"), [f"--config.{chosen_by}"])
    with pytest.raises(
        UsageError, match=f"{field} cannot change .* whose best checkpoint is chosen by what it measures"
    ):
        extend(config, [f"--config.{field}=500"], epoch=2, run="run")
    assert extend(load_experiment("digits"), [f"--config.{field}=500"], epoch=2, run="run")


def test_what_may_change_does(saved_run):
    fields = {"train.num_epochs": 7, "train.patience": 3, "train.eval_every": 2, "evaluate.num_samples": 9}
    config = origin.extended(saved_run, [f"--config.{name}={value}" for name, value in fields.items()], epoch=2)
    found = {name: config[name.split(".")[0]][name.split(".")[1]] for name in fields}
    assert found == fields
    assert origin.extended(saved_run, ["--config.train.loggers="], epoch=2).train.loggers == ""
    assert config.train.schedule_epochs is None  # there is no schedule


def test_schedule_epochs_without_a_schedule(capsys):
    assert main(["train", "digits", "--config.train.schedule_epochs=3"]) == 2
    assert "schedule_epochs is 3: expected none without a schedule; set --config.train.le" in capsys.readouterr().err


def test_a_run_starts_from_another_and_says_which(saved_run, tmp_path, monkeypatch):
    """Also where it is killed before its first epoch has ended."""
    monkeypatch.setattr(commands, "train", lambda path, made, command="": path)
    flags = ["--config.optimizer.learning_rate=1e-4", "--config.train.batch_size=50"]
    assert main(["train", f"--from={saved_run}", "--runs", str(tmp_path), *flags]) == 0
    path = (tmp_path / "latest").resolve()
    assert path.parent.name == "digits"
    _, params, config = vaex.load(saved_run)
    state = newest(path)
    jax.tree.map(np.testing.assert_array_equal, state.params, params)
    assert int(state.step) == 0
    assert all(np.all(np.asarray(leaf) == 0) for leaf in jax.tree.leaves(state.opt_state))
    mine = read_config(path / folder.CONFIG)
    assert (mine.optimizer.learning_rate, mine.train.batch_size) == (1e-4, 50)
    assert mine.model.to_dict() == config.model.to_dict()
    told = json.loads((path / folder.ORIGIN).read_text())
    assert (told["run"], told["epoch"]) == (str(saved_run.resolve()), 1)
    assert told["config"]["optimizer"] == config.optimizer.to_dict()
    assert origin.read_origin(path) == {"origin": {"run": told["run"], "epoch": 1}}
    assert origin.read_origin(saved_run) == {}


def test_devices_that_are_not_there_leave_no_folder(tmp_path, capsys):
    flags = ["--config.train.devices=9", "--config.train.batch_size=9"]
    assert main(["train", "digits", "--runs", str(tmp_path), *flags]) == 2
    assert "train.devices is 9" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_a_table_with_other_columns_is_no_start(monkeypatch, saved_run):
    """Whose parameters may have the same shapes."""
    made = lambda columns: SimpleNamespace(task=SimpleNamespace(dataset=SimpleNamespace(columns=columns)))
    a, b, c = (Column(name, "real") for name in "abc")
    kinds = Column("kind", "categorical", classes=("x", "y"))
    for theirs, ours, what in (
        ((a, b, c), (c, b, a), r"has a column 'a' where this table has 'c': expected the same columns in the same or"),
        (
            (a, kinds),
            (a, kinds._replace(classes=("y", "x"))),
            "a column 'kind' of x, y where this table has 'kind' of y, x",
        ),
    ):
        monkeypatch.setattr(origin, "read_columns", lambda *_, theirs=theirs: theirs)
        with pytest.raises(UsageError, match=what):
            origin.start_from(saved_run, made(ours))


def test_a_run_of_another_model_is_no_start(saved_run, tmp_path, capsys):
    assert main(["train", "digits", f"--from={saved_run}", "--runs", str(tmp_path)]) == 2
    told = capsys.readouterr().err
    assert "by the config; a run starts from one of the same model" in told
    assert "config.json" not in told
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("words", [["--run=a", "--from=b"], ["digits", "--from="]])
def test_run_and_from_are_two_things(words, capsys):
    code = main(["train", *words, "--config.train.num_epochs=0"])
    assert code == 2
    assert ("give one of them" in capsys.readouterr().err) == ("--run=a" in words)
