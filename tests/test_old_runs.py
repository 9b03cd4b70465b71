"""Runs and configs from before a section of a config was a call: they load, evaluate and sample as they did."""

import json
import shutil
from importlib.metadata import PackageNotFoundError
from pathlib import Path

import jax
import numpy as np
import pytest

import vaex
from vaex.__main__ import main
from vaex.config import PRIORS, override, read_config, section
from vaex.runs import environment, page_file
from vaex.runs.experiments import experiment_names, load_experiment

HERE = Path(__file__).parent
OLD = json.loads((HERE / "old_configs.json").read_text())  # of each experiment what was not null, and all fields

_WIDE = ["--config.model.latent_dim=32", "--config.model.posterior.sigma=1.0", "--config.optimizer.learning_rate=1e-3"]


def _by_adam(num_epochs: int, *more: str) -> list[str]:
    settings = {"batch_size": 100, "learning_rate.final": 1e-4, "num_epochs": num_epochs, "eval_every": 5}
    train = [f"--config.train.{name}={value}" for name, value in settings.items()]
    return ["--config.optimizer.name=adam", "--config.optimizer.learning_rate=2e-3", *train, *more]


SINCE = {  # what an experiment had then, where it is set otherwise today
    "mnist_bernoulli": [
        "--config.optimizer.name=adam",
        "--config.optimizer.learning_rate=4e-3",
        "--config.train.batch_size=100",
        "--config.train.num_epochs=100",
    ],
    **{f"mnist_{name}": _by_adam(32) for name in ("coupling", "flow_prior", "full", "planar")},
    "mnist_iaf": _by_adam(32, "--config.model.posterior.hidden=128,"),
    "mnist_vamp": _by_adam(26),
    "mnist_hierarchy": _by_adam(30),
    "mnist_ladder": _by_adam(30, "--config.schedule.steps=5000"),
    "mnist_conv": [*_by_adam(4), "--config.train.eval_every=1"],
    "mnist_deep": [*_by_adam(2), "--config.train.eval_every=2", "--config.optimizer.learning_rate=3e-3"],
    "mnist_clusters": [
        "--config.model.prior.fit_after=4",
        "--config.model.prior.num_components=10",
        "--config.model.prior.covariance=diagonal",
        "--config.evaluate.num_clusters=None",
        "--config.schedule.steps=9000",
    ],
    "mnist_m2": ["--config.data.augment=None"],
    "mnist_m1m2": [
        "--config.data.augment=None",
        "--config.model.network.name=mlp",
        "--config.model.network.encoder_hidden=500,500",
        "--config.model.network.decoder_hidden=500,500",
        "--config.model.network.activation=relu",
        "--config.optimizer.name=adam",
        "--config.optimizer.learning_rate=1e-3",
        "--config.schedule.steps=15000",
        "--config.train.learning_rate.final=1e-4",
        "--config.train.num_epochs=40",
        "--config.train.eval_every=10",
    ],
    "mnist_gauss": _WIDE,
    "fashion_gauss": _WIDE,
}


def old_config(name):
    stored, fields = OLD["configs"][name], OLD["fields"]
    return {part: {n: stored[part].get(n) for n in names} if names else stored[part] for part, names in fields.items()}


@pytest.fixture
def old_run(tmp_path):
    """Of 10 epochs of digits, 16 units wide, with 4 latents."""
    return Path(shutil.copytree(HERE / "old_run", tmp_path / "run"))


@pytest.mark.parametrize("name", OLD["configs"])
def test_an_old_config_is_today_s(name, tmp_path):
    """The two defaults apart that depend on the rest: the KL, and the prior under a condition."""
    path = tmp_path / "config.json"
    path.write_text(json.dumps(old_config(name)))
    old, now = read_config(path).to_dict(), override(load_experiment(name), SINCE.get(name, [])).to_dict()
    if now["data"]["condition"] is not None and now["model"]["prior"] is None:
        now["model"]["prior"] = section(PRIORS, "conditional").to_dict()
    if old["objective"].get("kl") == "sampled":
        old["objective"]["kl"] = now["objective"]["kl"]
    assert old == now


def test_a_deep_run_keeps_the_activation_before_its_image_that_had_no_field(tmp_path):
    path, config = tmp_path / "config.json", override(load_experiment("digits"), ["--config.model.name=deep"]).to_dict()
    assert config["model"].pop("head_activation") is None
    path.write_text(json.dumps(config))
    assert read_config(path).model.head_activation == config["model"]["activation"]
    path.write_text(json.dumps(config | {"model": config["model"] | {"head_activation": None}}))
    assert read_config(path).model.head_activation is None


def test_the_old_configs_are_of_every_kind():
    assert set(OLD["configs"]) <= set(experiment_names())
    kinds = {config["model"]["kind"] for config in OLD["configs"].values()}
    assert kinds == {"vae", "conditional", "hierarchy", "ladder", "deep", "vqvae", "m2", "m1m2"}


def test_an_old_run_loads(old_run):
    vae, params, config = vaex.load(old_run)
    assert (config.model.name, config.model.latent_dim) == ("vae", 4)
    model = vae.bind(params)
    z = model.prior.sample(jax.random.key(0))
    assert model.decode(z).mean.shape == (8, 8, 1)
    assert "p(x|z)" in page_file.write_page(old_run).read_text()


@pytest.mark.usefixtures("no_pictures")
def test_an_old_run_evaluates_to_what_it_did(old_run, monkeypatch):
    """Also in a checkout that is not installed, where vaex has no version."""

    def version(name):
        if name == "jax-vaex":
            raise PackageNotFoundError(name)
        return "1"

    monkeypatch.setattr(environment, "version", version)
    before = json.loads((old_run / "results.json").read_text())
    (old_run / "results.json").unlink()
    assert main(["evaluate", str(old_run)]) == 0
    after = json.loads((old_run / "results.json").read_text())
    for name in ("test_elbo", "test_log_likelihood", "bits_per_dim", "kl_per_dimension"):
        np.testing.assert_allclose(after[name], before[name], rtol=1e-4, atol=1e-5, err_msg=name)
    assert after["versions"]["vaex"] is None
    assert (after["best_epoch"], after["num_epochs"]) == (before["best_epoch"], before["num_epochs"])


def test_an_old_run_is_sampled(old_run):
    assert main(["sample", str(old_run), "--num-samples", "3"]) == 0
    assert np.load(old_run / "samples.npz")["samples"].shape == (3, 8, 8, 1)


def test_an_old_run_is_not_trained_on(old_run, capsys):
    assert main(["train", "--run", str(old_run)]) == 2
    said = capsys.readouterr().err.strip()
    assert "was trained by an earlier vaex: evaluate and sample it" in said
    assert "\n" not in said
