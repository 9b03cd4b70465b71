"""A config as JSON and back."""

import functools
import json

import pytest

from vaex.config import equal, override, read_config, save_config
from vaex.errors import UsageError
from vaex.runs.experiments import experiment_names, load_experiment


def test_every_experiment_comes_back_from_its_json(tmp_path):
    for name in experiment_names():
        config = load_experiment(name)
        save_config(config, tmp_path / "config.json")
        assert equal(read_config(tmp_path / "config.json"), config), name


def test_tuples_of_tuples(tmp_path):
    flags = ["name=hierarchy", "latent_dims=(4,3,2)", "between_hidden=((5,),(3,2))"]
    config = override(load_experiment("digits"), [f"--config.model.{flag}" for flag in flags])
    assert config.model.between_hidden == ((5,), (3, 2))
    save_config(config, tmp_path / "config.json")
    assert read_config(tmp_path / "config.json").model.between_hidden == ((5,), (3, 2))


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (("model", "posterior", "num_flow"), 3, "config.model.posterior.num_flow is no field of posterior 'diagonal'"),
        (("sede",), 3, "config.sede is no field of"),
        (("model", "name"), "van", "config.model.name is 'van': expected one of vae"),
        (("model", "latent_dim"), 2.5, "config.model.latent_dim is 2.5: expected int"),
        (("model", "latent_dim"), True, "config.model.latent_dim is True: expected int"),
        (("model", "network", "encoder_hidden"), 3, "config.model.network.encoder_hidden is 3: expected tuple"),
        (("model", "latent_dim"), None, "config.model.latent_dim is None: expected int"),
        (("train",), None, "config.train is None: expected an object with fields"),
        (("model", "network"), "mlp", "config.model.network is 'mlp': expected an object with fields"),
        (("optimizer", "learning_rate"), "high", "config.optimizer.learning_rate is 'high': expected float"),
    ],
)
def test_what_a_config_json_cannot_say(tmp_path, path, value, message):
    save_config(load_experiment("digits"), tmp_path / "config.json")
    stored = json.loads((tmp_path / "config.json").read_text())
    *parents, last = path
    functools.reduce(dict.__getitem__, parents, stored)[last] = value
    (tmp_path / "config.json").write_text(json.dumps(stored))
    with pytest.raises(UsageError) as error:
        read_config(tmp_path / "config.json")
    assert str(error.value).startswith(message)
