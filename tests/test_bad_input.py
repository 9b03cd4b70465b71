"""Whatever a user can get wrong: one line that names it and its cure, exit code 2, no traceback, nothing made."""

import json

import numpy as np
import pytest

from tests.refusal import refusal
from vaex.__main__ import main
from vaex.config import override
from vaex.config.preprocess import preprocess
from vaex.config.setup import setup
from vaex.runs.experiments import load_experiment
from vaex.runs.folder import locked

DIGITS = ["train", "digits", "--config.train.num_epochs=1"]


def fails(capsys, arguments):
    """Run a command that must fail -> its one line."""
    capsys.readouterr()
    assert main(arguments) == 2
    err = capsys.readouterr().err
    assert err.startswith("vaex: ")
    assert err.count("\n") == 1, err
    return err


@pytest.mark.parametrize(
    ("flag", "message"),
    [
        (
            "--config.modle.latent_dim=2",
            "unknown config field --config.modle.latent_dim: it is --config.model.latent_dim",
        ),
        ("--confg.seed=2", "unexpected argument '--confg.seed=2': overrides are written --config.FIELD=VALUE"),
        ("--config.model.latent_dim=two", "--config.model.latent_dim is 'two': expected int, such as 8"),
        ("--config.model.latent_dim=2.5", "--config.model.latent_dim is '2.5': expected int"),
        ("--config.objective.beta=high", "--config.objective.beta is 'high': expected float"),
        ("--config.seed", "--config.seed"),
        ("stray", "unexpected argument 'stray'"),
        ("--config.model.latent_dim=0", "model.latent_dim is 0: expected a whole number of at least 1"),
        (
            "--config.model.network.encoder_hidden=(5,0)",
            "model.network.encoder_hidden is (5, 0): expected",
        ),
        ("--config.optimizer.learning_rate=-1e-3", "optimizer.learning_rate is -0.001: expected a number above 0"),
        ("--config.optimizer.learning_rate=nan", "optimizer.learning_rate is nan"),
        ("--config.train.patience=-1", "train.patience is -1"),
        (
            "--config.train.batch_size=5000",
            "train.batch_size is 5000: expected at most 1518, the training",
        ),
        ("--config.data.num_validation=5000", "data.num_validation is 5000: expected 0 to 1617"),
        (
            "--config.model.likelihood.name=bernouli",
            "model.likelihood.name is 'bernouli': expected one of bernoulli, gaussian_fixed",
        ),
        ("--config.model.network.activation=reul", "nearest: relu"),
        ("--config.objective.name=elbow", "nearest: elbo"),
        ("--config.objective.kl=exact", "kl is 'exact': expected"),
        ("--config.objective.num_samples=0", "num_samples is 0: expected"),
        ("--config.optimizer.name=adamw2", "nearest: adam"),
        (
            "--config.data.binarize=none_at_all",
            "data.binarize is 'none_at_all': expected one of dynamic, threshold, none",
        ),
        (
            "--config.model.likelihood.name=gaussian_scalar",
            "which needs all grey levels: set --config.data.binarize=none",
        ),
        (
            "--config.model.likelihood.sigma=0.1",
            "likelihood 'bernoulli' has no sigma, which is of gaussian_fixed, gaussian_scalar",
        ),
        ("--config.model=vae", "--config.model is a section: set --config.model.name"),
        ("--config.data=mnist", "--config.data is a section: set one of its fields, --config.data.FIELD"),
        ("--config.model.name=none", "model.name is 'none': expected one of vae, hierarchy"),
        ("--config.model=none", "--config.model is none, but there has to be one: name one of vae, hierarchy"),
        ("--config.train.select=accuracy", "train.select is 'accuracy': expected one of active_units, eff"),
        ("--config.data.name=no_such_set", "data set 'no_such_set' not found"),
        ("--config.data.dir=/no/such/folder", "/no/such/folder: no such folder"),
    ],
)
def test_config(capsys, tmp_path, flag, message):
    assert message in fails(capsys, [*DIGITS, "--runs", str(tmp_path), flag])
    assert not list(tmp_path.iterdir())


def test_a_flag_unsets_what_the_likelihood_needs_no_more():
    flags = ["--config.model.likelihood.name=gaussian_scalar", "--config.data.binarize=none"]
    assert preprocess(override(load_experiment("digits"), flags), ())[1] == "density"


def test_an_option_that_the_objective_does_not_take(capsys):
    line = fails(capsys, [*DIGITS, "--config.objective.name=iwae", "--config.objective.beta=2.0"])
    assert "--config.objective.beta: objective 'iwae' has no beta, which is of elbo, ciwae, total_correlation" in line
    line = fails(capsys, [*DIGITS, "--config.optimizer.name=sgd", "--config.optimizer.eps=1e-4"])
    assert "optimizer 'sgd' has no eps, which is of adabelief, " in line
    assert " adam, " in line


def test_bernoulli_on_grey_pixels_names_the_cures(capsys, tmp_path):
    config = tmp_path / "grey.py"
    config.write_text("from vaex.config import default_config\n\ndef get_config():\n    return default_config()\n")
    line = fails(capsys, ["train", str(config), "--config.data.name=digits"])
    assert all(cure in line for cure in ('"dynamic"', '"threshold"', '"none"'))


def test_unknown_experiment_names_the_nearest(capsys):
    assert "unknown experiment 'mnist_gaus'" in (line := fails(capsys, ["train", "mnist_gaus"]))
    assert "nearest: mnist_gauss" in line
    assert "nearest: mnist_gauss" in fails(capsys, ["train", "experiments/mnist_gaus"])


def test_neither_experiment_nor_run(capsys):
    assert "train needs an experiment's name" in fails(capsys, ["train"])


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"images": np.zeros((50, 3, 3, 1, 1))}, "shape (50, 3, 3, 1, 1): expected [N, H, W]"),
        ({"images": np.where(np.arange(450).reshape(50, 3, 3) == 300, np.nan, 0.5)}, "infinite, the first in image 33"),
    ],
)
def test_data(capsys, tmp_path, arrays, message):
    np.savez(tmp_path / "mine.npz", **arrays)
    line = fails(capsys, [*DIGITS, "--config.data.name=mine", f"--config.data.dir={tmp_path}"])
    assert message in line
    assert "mine.npz" in line


@pytest.mark.parametrize("command", [["train", "--run"], ["evaluate"], ["sample"]])
def test_a_folder_that_is_no_run(capsys, tmp_path, command):
    assert "is not a run folder: it has no config.json" in fails(capsys, [*command, str(tmp_path)])
    assert "no such folder" in fails(capsys, [*command, str(tmp_path / "no")])


def test_two_processes_in_one_folder(capsys, run):
    with locked(run):
        for command in (["train", "--run"], ["evaluate"], ["sample"]):
            assert "is in use by another process" in fails(capsys, [*command, str(run)])


def test_an_unwritable_place(capsys, tmp_path):
    (tmp_path / "file").write_text("")  # not by permissions, which root does not heed
    line = fails(capsys, [*DIGITS, "--runs", str(tmp_path / "file" / "runs")])
    assert "cannot write a run folder in" in line


def test_a_run_on_other_data_than_before(capsys, run):
    described = json.loads((run / "dataset.json").read_text())
    (run / "dataset.json").write_text(json.dumps(described | {"num_train": 7}))
    assert "was trained on digits (7 examples); found other data, digits (1,518 examples)" in fails(
        capsys, ["evaluate", str(run)]
    )


def test_overrides_of_a_run_that_has_its_config(capsys, run):
    assert "--config.seed cannot change while a run goes on" in fails(
        capsys, ["train", "--run", str(run), "--config.seed=1"]
    )


def test_no_samples(capsys, run):
    assert "--num-samples is 0: expected a whole number of at least 1" in fails(
        capsys, ["sample", str(run), "--num-samples", "0"]
    )


def test_a_loss_that_explodes_names_the_steps_and_the_checkpoint(capsys, tmp_path):
    arguments = ["--config.optimizer.name=sgd", "--config.optimizer.learning_rate=1e12", "--config.train.num_epochs=3"]
    line = fails(capsys, [*DIGITS, "--runs", str(tmp_path), *arguments])
    assert "the loss became non-finite at step" in line
    assert "(steps 1 to" in line
    assert "no checkpoint yet" in line


M2 = "digits data.num_labels=20 model.name=m2 objective.name=semi_supervised"


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (f"{M2} model.prior.name=uniform", "model.prior.name is 'uniform': expected 'standard', 'mixture' or 'flow'"),
        (f"{M2} model.prior.name=conditional", "model.prior.name is 'conditional': expected 'standard', 'mixture' or"),
        (f"{M2} model.prior.name=vamp", "model.prior.name is 'vamp': expected 'standard', 'mixture' or 'flow'"),
        (
            "digits model.posterior.name=affine_coupling model.latent_dim=1",
            "model.latent_dim is 1: expected at least 2",
        ),
        ("digits model.prior.name=flow model.latent_dim=1", "model.latent_dim is 1: expected at least 2"),
        (
            "digits objective.name=total_correlation train.batch_size=1",
            "train.batch_size is 1: expected at least 2 with",
        ),
        ("digits objective.name=info train.batch_size=1", "train.batch_size is 1: expected at least 2 with"),
        ("wine_table data.num_train=1 train.batch_size=1", "so have 13 of 13 columns, of 1 rows: raise data.num_train"),
        ("two_moons model.network.name=conv", "use an MLP, --config.model.network.name=mlp"),
        (
            "digits model.posterior.sigma=1e30",
            "model.posterior.sigma is 1e+30: expected a finite number from 3.1e-07 to",
        ),
        ("digits model.posterior.sigma=1e-30", "model.posterior.sigma is 1e-30: expected a finite number from 3.1e-07"),
        (f"{M2} model.sigma=1e30", "model.sigma is 1e+30: expected a finite number from 3.1e-07 to 3200000.0"),
        ("digits model.name=deep model.sigma=1e30", "model.sigma is 1e+30: expected a finite number from 3.1e-07 to"),
    ],
)
def test_what_is_advised_can_be_done(flags, message):
    experiment, *flags = flags.split()
    config = override(load_experiment(experiment), [f"--config.{flag}" for flag in flags], log=lambda said: None)
    found, _ = refusal(lambda: setup(config))
    assert message in found
