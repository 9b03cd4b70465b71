"""What a kind of model adds to the results of a run."""

import functools
import json
from types import SimpleNamespace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import pytest
from matplotlib.figure import Figure

from vaex import Model
from vaex.__main__ import main
from vaex.config import override
from vaex.config.task import build_task
from vaex.data import Dataset, Split
from vaex.distributions import DiagonalNormalMixture
from vaex.distributions.masked import Masked
from vaex.evaluate import REPORTS, Trial
from vaex.evaluate.reports import report_clusters, report_codebook, report_latent_classifier
from vaex.figures import FIGURES
from vaex.model import Conditional, Given
from vaex.models import KINDS, MODELS, Kind, vae
from vaex.runs import console, folder, words
from vaex.runs.experiments import load_experiment

KEY = jax.random.key(0)

QUICK = ["--config.train.num_epochs=1", "--config.evaluate.num_samples=2", "--config.model.latent_dim=2"]


def test_scores_and_figures_of_ones_own_are_written_and_printed(monkeypatch, tmp_path, capsys, few_pictures):
    """What is added to the two tables under a name, and named by a kind of model."""
    few_pictures("empty", "nothing")

    def report(key, trial):
        assert len(trial.x) == len(trial.dataset.test.images)
        return {"pixels_on": float(trial.model.decode(trial.model.prior.sample(key)).mean.sum())}

    def build(source, **options):
        plain = vae.vae(source, **options)
        return plain._replace(reports=(*plain.reports, "mine"), figures=("empty", "nothing"))

    monkeypatch.setitem(REPORTS, "mine", report)
    monkeypatch.setitem(FIGURES, "empty", lambda key, trial: Figure())
    monkeypatch.setitem(FIGURES, "nothing", lambda key, trial: None)
    build = functools.wraps(vae.vae)(build)
    monkeypatch.setitem(KINDS, "mine", Kind(build))
    monkeypatch.setitem(MODELS, "mine", build)
    assert main(["train", "digits", "--runs", str(tmp_path), "--config.model.name=mine", *QUICK]) == 0
    on = json.loads((tmp_path / "latest/results.json").read_text())["pixels_on"]
    assert 0 < on < 64
    assert f"{on:.4g}" in next(line for line in capsys.readouterr().out.splitlines() if "pixels on" in line)
    assert (tmp_path / "latest/figures/empty.png").is_file()
    assert not (tmp_path / "latest/figures/nothing.png").exists()


def brightness(num_images):
    """Images that are black, grey or white, which are the classes."""
    labels = np.arange(num_images, dtype=np.int32) % 3
    images = np.array([0, 128, 255], np.uint8)[labels, None, None, None]
    return Split(np.broadcast_to(images, (num_images, 8, 8, 1)), labels)


TOY = Dataset("toy", "toy", "here", brightness(60), brightness(0), brightness(33))


def trial(model, x, dataset=TOY):
    """Every fifth training image, twelve of them, keeps its label."""
    observe = lambda key, split: jnp.asarray(split.images) / 255
    return Trial(model, x, dataset, observe, labelled=np.arange(0, 60, 5))


def by_brightness(prior):
    """z is ten times the mean of the pixels."""
    return Model(
        prior=prior,
        encode=lambda x: dist.Normal(10 * jnp.mean(x)[None], 0.1).to_event(1),
        decode=lambda z: dist.Normal(jnp.full((8, 8, 1), z[0] / 10), 1.0).to_event(3),
    )


def test_clusters_are_matched_with_the_labels_of_their_images():
    """Components at black, grey and white find them all; with the labels of other images they do not."""
    model = by_brightness(DiagonalNormalMixture(jnp.zeros(3), jnp.array([[5.0], [10.0], [0.0]]), jnp.zeros((3, 1))))
    x = jnp.asarray(TOY.test.images) / 255
    assert report_clusters(KEY, trial(model, x)) == {"clusters_used": 3.0, "clustering_accuracy": 1.0}
    wrong = TOY._replace(test=TOY.test._replace(labels=np.sort(TOY.test.labels)))
    assert report_clusters(KEY, trial(model, x, wrong))["clustering_accuracy"] < 0.5


def test_components_are_merged_into_as_many_clusters_as_are_asked_for():
    """Two of six overlap at black, two at grey and two at white; under a condition they are the same, and not drawn."""
    mean = jnp.array([[4.9], [0.1], [5.1], [10.1], [-0.1], [9.9]])
    log_w = jnp.log(jnp.array([1.0, 1.0, 1.0, 1.0, 1.0, 3.0]))
    model = by_brightness(DiagonalNormalMixture(log_w, mean, jnp.full((6, 1), -1.0)))
    x = jnp.asarray(TOY.test.images) / 255
    merged = trial(model, x)._replace(num_clusters=3)
    assert report_clusters(KEY, merged) == {"clusters_used": 3.0, "clustering_accuracy": 1.0}
    given = Given(x, jnp.ones(len(x)))
    under = trial(Conditional(lambda condition: model), given)._replace(num_clusters=3)
    assert report_clusters(KEY, under)["clustering_accuracy"] == 1
    assert FIGURES["components"](KEY, under) is None
    for now, weights in ((merged, ["50%", "25%", "25%"]), (trial(model, x), ["38%", *5 * ["12%"]])):
        axes = FIGURES["components"](KEY, now).axes[0]
        assert [tick.get_text() for tick in axes.get_yticklabels()] == weights
    rows = FIGURES["components"](KEY, merged).axes[0].images[0].get_array()[3::9, :8].mean(axis=1)
    np.testing.assert_allclose([rows[0], *sorted(rows[1:])], [1, 0, 0.5], atol=0.15)


def test_a_support_vector_machine_is_given_each_image_with_its_label():
    """Which separates the three classes; with the labels of other images it does not."""
    model, x = by_brightness(dist.Normal(0.0, 1.0).to_event(0)), jnp.asarray(TOY.test.images) / 255
    assert report_latent_classifier(KEY, trial(model, x)) == {
        "test_accuracy": 1.0,
        "num_test_labels": len(TOY.test.labels),
    }
    wrong = TOY._replace(train=TOY.train._replace(labels=np.sort(TOY.train.labels)))
    assert report_latent_classifier(KEY, trial(model, x, wrong))["test_accuracy"] < 0.9


def test_the_density_of_points_is_beside_scores_of_the_same():
    points = np.zeros((3, 2), np.float32)
    split = Split(points, np.zeros(3, np.int32))
    dataset = Dataset("toy:two_moons", "", "", split, split, split)
    report = lambda x: REPORTS["density"](KEY, Trial(None, x, dataset, lambda key, split: x))
    assert list(report(points)) == ["log_likelihood_of_the_density"]
    assert report(Given(points, np.eye(3))) == {}
    assert report(Masked(points, points == 0)) == {}


def test_the_use_of_a_codebook():
    """Four of eight codes, equally often."""
    model: Any = SimpleNamespace(
        prior=SimpleNamespace(codes=jnp.zeros((8, 2))), encode=lambda x: SimpleNamespace(indices=x.astype(int))
    )
    scores = report_codebook(KEY, trial(model, jnp.arange(20.0)[:, None] % 4))
    assert scores["codebook_use"] == 0.5
    np.testing.assert_allclose(scores["code_perplexity"], 4, rtol=1e-5)


def test_clusters_and_codebooks_are_reported():
    """By what a prior and a kind of model ask for, of whatever has them."""

    def reported(*flags):
        task = build_task(override(load_experiment("digits"), list(flags)))
        assert set(task.reports) <= set(REPORTS)
        assert set(task.figures) <= set(FIGURES)
        return {*task.reports, *task.figures}

    mixture = ["--config.model.prior.name=mixture", "--config.model.prior.num_components=10"]
    assert {"clusters", "components", "scores", "samples"} <= reported(*mixture)
    codes = [f"--config.model.{flag}" for flag in ("name=vqvae", "patch=4", "num_codes=8")]
    assert {"codebook", "scores"} <= reported(*codes)
    assert not {"clusters", "components", "codebook"} & reported()
    assert "latent_classifier" in reported("--config.data.num_labels=50")


def test_a_row_of_samples_for_each_component():
    prior = DiagonalNormalMixture(jnp.zeros(3), jnp.array([[5.0], [10.0], [0.0]]), jnp.zeros((3, 1)))
    figure = FIGURES["components"](KEY, trial(by_brightness(prior), jnp.zeros((4, 8, 8, 1))))
    assert figure.axes


def test_what_is_not_finite_is_null(tmp_path):
    """JSON has no nan and no infinity, which Python writes all the same."""
    value = {"a": float("nan"), "b": [1.5, float("inf")], "c": {"d": (-float("inf"), 2)}, "epoch": 1}
    wanted = {"a": None, "b": [1.5, None], "c": {"d": [None, 2]}, "epoch": 1}
    folder.write_json(tmp_path / "results.json", value)
    with folder.metrics_writer(tmp_path, epoch=0) as write:
        write({"epoch": 1, "loss": float("nan")})
    read = lambda name: json.loads((tmp_path / name).read_text(), parse_constant=pytest.fail)
    assert read("results.json") == wanted
    assert read("metrics.jsonl") == {"epoch": 1, "loss": None}


def test_a_single_test_image_has_a_score_without_a_standard_error(capsys):
    x = jnp.ones((1, 8, 8, 1))
    scores = REPORTS["scores"](jax.random.key(0), trial(by_brightness(dist.Normal(jnp.zeros(1), 1.0).to_event(1)), x))
    assert scores["test_elbo_standard_error"] is scores["test_log_likelihood_standard_error"] is None
    run = {"experiment": "e", "dataset": "d", "is_likelihood": True, "num_epochs": 1, "train_seconds": 1.0}
    run |= {"examples_per_second": 1, "best_epoch": 1, "evaluate_seconds": 1.0}
    console.summary(run | scores, "folder", {})
    line = next(line for line in capsys.readouterr().out.splitlines() if "test ELBO" in line)
    assert f"{scores['test_elbo']:.2f} nats" in line
    assert "±" not in line
    assert words.score({"test_elbo": None, "test_log_likelihood": -2.0, "num_samples": 5}) == "L_5 = -2.00 nats"
