"""Optimizers raced on one experiment, and a table beside a published one: what is trained, kept, and told."""

import numpy as np
import pytest

from experiments.studies import _kept, _raced, _trained, iwae, optimizers
from vaex.config import override, save_config
from vaex.config.task import build_task
from vaex.errors import OptionError, UsageError
from vaex.runs import commands
from vaex.runs.experiments import load_experiment
from vaex.runs.files import write_json

RESULTS = {
    "test_log_likelihood": -86.5,
    "num_samples": 5000,
    "active_units_per_layer": ["20 of 50"],
    "train_seconds": 600.0,
    "num_epochs": 290,
    "dataset": "mnist",
}
ADAM = _raced.Setting("adam", 1e-2, 200)


def test_a_curve_is_of_validation_images_for_about_as_many_seconds(tmp_path, monkeypatch):
    """Without its test images a race is the same."""
    load = _raced.load_data
    blind = lambda found: found._replace(test=found.test._replace(images=None))
    monkeypatch.setattr(_raced, "load_data", lambda config: blind(load(config)))
    monkeypatch.setattr(_raced, "_pace", lambda *_: 1.0)
    found = _raced.curve("digits", ADAM, _raced.Length(10.2), folder=str(tmp_path))
    assert found.num_epochs == len(found.nats) == len(found.seconds) == 10
    assert (np.diff(found.seconds) > 0).all()
    assert -28 < found.nats[0] + 0.2 < found.nats[-1] < -20


def test_a_rate_falls_along_a_cosine_unless_the_optimizer_has_an_average_of_its_own():
    adam, muon, free = (
        _raced.config_of("digits", ADAM._replace(optimizer=name), 7) for name in ("adam", "muon", "schedule_free_adamw")
    )
    assert (adam.train.learning_rate.name, adam.train.learning_rate.final) == ("cosine", 1e-5)
    assert (adam.train.batch_size, adam.train.num_epochs, adam.optimizer.learning_rate) == (200, 7, 1e-2)
    assert muon.optimizer.ns_steps == 3
    assert free.train.learning_rate is None


def test_a_race_is_run_once_and_tells_the_best_setting_of_each(tmp_path, monkeypatch, capsys):
    ends = {("adam", 4e-3): -90.0, ("adam", 8e-3): -np.inf, ("lion", 4e-4): -94.0}
    trained = []

    def train(experiment, setting, length):
        trained.append(setting)
        end = ends.get(setting[:2], -100.0) - (setting.batch_size == 100)
        return {"num_epochs": 5, "seconds": [1.0, 3.0], "nats": [-100.0, end]}

    monkeypatch.setattr(_raced, "_trained", train)
    monkeypatch.setattr(_kept, "_label", lambda name, dir: name)
    for _ in range(2):
        _, lines = optimizers.optimizers_figure(optimizers="lion,adam", kept=str(tmp_path))
        assert lines == [
            "adam, learning rate 0.004, batches of 1,000: -90.00 nats after 3 s, 5 epochs; -95 nats after 2.0 s",
            "lion, learning rate 0.0004, the edge of its rates, batches of 1,000: -94.00 nats after 3 s, 5 epochs; "
            "-95 nats after 2.7 s",
        ]
    assert len(trained) == len(set(trained)) == 12
    assert capsys.readouterr().out.count("kept") == 12
    monkeypatch.setattr(_kept, "_label", lambda name, dir: "a part")
    optimizers.optimizers_figure(optimizers="adam", kept=str(tmp_path))
    assert len(trained) == 12 + 6  # of other data they are other curves
    _, (line,) = optimizers.optimizers_figure(optimizers="adam", bound=-10, num_epochs=4, kept=str(tmp_path))
    assert line.endswith("; -10 nats are not reached")
    with pytest.raises(OptionError, match="optimizers is 'sgd'"):
        optimizers.optimizers_figure(optimizers="adam,sgd")


def test_a_diverged_setting_ends_there(monkeypatch, tmp_path):
    monkeypatch.setattr(_raced, "compiled_epoch", lambda made, state: lambda state: (state, {}, 6))
    found = _raced.curve("digits", ADAM, _raced.Length(1, 3), folder=str(tmp_path))
    assert found.nats.tolist() == [-np.inf]


def test_a_cell_of_the_table_is_read_where_it_is_reported_and_else_trained(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    asked = []

    def run_of(experiment):
        asked.append(experiment)
        path = tmp_path / experiment
        path.mkdir()
        write_json(path / "results.json", RESULTS | {"test_log_likelihood": -85.5, "dataset": "mnist (a part)"})
        return path

    monkeypatch.setattr(iwae, "run_of", run_of)
    (tmp_path / "docs/results").mkdir(parents=True)
    reported = RESULTS | {"experiment": "mnist_bernoulli_long", "family": "F", "command": "make train"}
    write_json(tmp_path / "docs/results/mnist_bernoulli_long.json", reported)
    _, lines = iwae.iwae_figure(layers="1", k="1,5")
    assert asked == ["mnist_one_layer_k5"]
    assert lines == [
        "1 layer, k = 1, L_5000, nats: published -86.76 (19 active), found -86.50 (20 of 50 active), +0.26, 600 s, "
        "290 epochs",
        "1 layer, k = 5, L_5000, nats: published -85.54 (22 active), found -85.50 (20 of 50 active), +0.04, 600 s, "
        "290 epochs; of mnist (a part), so beside what is published it says little",
    ]
    with pytest.raises(OptionError, match="--k is '7': expected some of 1, 5, 50"):
        iwae.iwae_figure(k="1,7")


def test_the_cells_of_the_table_are_experiments_of_as_many_layers_and_draws():
    for (layers, k), cell in iwae.CELLS.items():
        config = load_experiment(cell.experiment)
        assert len(config.model.get("latent_dims", (50,))) == layers
        assert config.objective.get("num_samples", 1) == k
        assert config.evaluate.num_samples == 5000


def test_a_run_for_a_study_is_a_finished_one_else_one_carried_on_else_new(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    made, described = [], commands.describe(build_task(load_experiment("digits")), "digits")
    monkeypatch.setattr(commands, "describe", lambda task, name: described)
    monkeypatch.setattr(_trained, "build_task", lambda config: None)

    def there(name, *flags, finished=True):
        path = tmp_path / "runs/digits" / name
        path.mkdir(parents=True)
        save_config(override(load_experiment("digits"), flags), path / "config.json")
        write_json(path / "dataset.json", described | {"crc32": described["crc32"] + (name == "other data")})
        if finished:
            write_json(path / "results.json", {})
        return path

    def new(config, experiment, runs):
        made.append(experiment)
        return there("new", finished=len(made) > 1)

    def resume(run):
        made.append("carried on")
        write_json(tmp_path / run / "results.json", {})
        return tmp_path / run

    monkeypatch.setattr(commands, "train_new", new)
    monkeypatch.setattr(commands, "resume", resume)
    there("another", "--config.train.num_epochs=3")
    there("other data")
    write_json(there("from another") / "origin.json", {})
    (there("broken") / "config.json").write_text("{")
    with pytest.raises(UsageError, match="was interrupted: the same command carries it on"):
        _trained.run_of("digits")
    for _ in range(2):
        assert _trained.run_of("digits").name == "new"
    there("newer, half way", finished=False)
    assert _trained.run_of("digits").name == "new"
    assert made == ["digits", "carried on"]
