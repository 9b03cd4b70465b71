"""M1, M2 and M1+M2 by their configs: what is trained on, what is reported, what is refused, and their study."""

import functools
import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from experiments.studies import labels
from tests.models import drawn
from tests.one_step import SGD, first_step, untried
from vaex import objectives
from vaex.config import override, save_config
from vaex.config.setup import setup
from vaex.config.task import build_task
from vaex.errors import UsageError
from vaex.evaluate import REPORTS, Options, Trial, validator
from vaex.figures import FIGURES
from vaex.runs import commands, folder
from vaex.runs.experiments import load_experiment

KEY = jax.random.key(0)
SMALL = ["--config.model.network.encoder_hidden=8,", "--config.model.network.decoder_hidden=8,"]
PAIRS = {
    "m2": ["--config.model.name=m2", "--config.objective.name=semi_supervised"],
    "m1m2": [
        "--config.model.name=m1m2",
        "--config.model.upper_dim=4",
        "--config.model.upper_hidden=8,",
        "--config.objective.name=stacked_semi_supervised",
    ],
    "vae": [],
}
LABELS = "--config.data.num_labels=20"
COMPONENTS = ["--config.model.prior.name=mixture", "--config.model.prior.num_components=3"]
CONV = ["--config.model.network.name=conv", "--config.model.network.channels=2,"]


def configured(*flags):
    return override(load_experiment("digits"), [*SMALL, *flags])


def distinct(images):
    return np.unique(images.reshape(len(images), -1), axis=0)


@pytest.mark.parametrize("num_labels", [20, 1300])
def test_pairs_hold_every_image(num_labels):
    """Whichever are fewer, the images with a label or those without, come round in turn."""
    task = build_task(configured(*PAIRS["m2"], f"--config.data.num_labels={num_labels}"))
    (unlabelled, labelled, _), images = task.stored, task.dataset.train.images
    together = np.concatenate([unlabelled.images, labelled.images])
    np.testing.assert_array_equal(distinct(together), distinct(images))
    assert len(labelled.images) == len(unlabelled.images) == max(num_labels, len(images) - num_labels)


def test_the_chosen_images_keep_their_own_labels():
    task = build_task(configured(*PAIRS["m2"], LABELS))
    stored, train = task.stored, task.dataset.train
    assert len(stored.unlabelled.images) == len(train.images) - 20
    labels_of = {image.tobytes(): label for image, label in zip(train.images, train.labels, strict=True)}
    assert [labels_of[image.tobytes()] for image in stored.labelled.images] == stored.label.tolist()
    kept = {image.tobytes() for image in stored.labelled.images}
    assert len(kept) == 20
    assert kept | {image.tobytes() for image in stored.unlabelled.images} == set(labels_of)


def partly_labelled(tmp_path, *flags):
    """The digits, of which three in four have no label, in a file of one's own."""
    digits = build_task(configured()).dataset
    hidden = lambda labels: np.where(np.arange(len(labels)) % 4 == 0, labels, -1)
    arrays = {"x_train": digits.train.images, "y_train": hidden(digits.train.labels)}
    np.savez(tmp_path / "own.npz", **arrays, x_test=digits.test.images, y_test=hidden(digits.test.labels))
    data = [f"--config.data.dir={tmp_path}", "--config.data.name=own", "--config.data.num_validation=100"]
    return configured(*PAIRS["m2"], *data, *flags)


def test_labels_that_are_missing_are_learned_without(tmp_path):
    """All that there are are seen, and the loss knows their number; of fewer, some of them."""
    with untried():
        made = setup(partly_labelled(tmp_path))
    task, train = made.task, made.task.dataset.train
    known = np.flatnonzero(train.labels >= 0)
    np.testing.assert_array_equal(np.sort(task.labelled), known)
    assert task.num_stored == len(train.images) - len(known)
    assert np.min(task.stored.label) >= 0
    batch = jax.tree.map(lambda a: a[:7], made.recipe.preprocess(KEY, task.stored))
    sizes = {"num_train": len(train.images), "num_labels": len(known)}
    expected = objectives.batch_loss(functools.partial(objectives.semi_supervised, **sizes))
    model = task.description.bind(drawn(task.description.init, scale=0.1))
    context = objectives.Context(jnp.zeros((), jnp.int32), jnp.zeros(()))
    found = [
        jax.jit(loss)(KEY, batch, context)[0]
        for loss in (
            lambda *args: made.recipe.batch_loss(args[0], model, *args[1:]),
            lambda *args: expected(args[0], model, *args[1:]),
        )
    ]
    np.testing.assert_allclose(*found, rtol=1e-6)
    fewer = build_task(partly_labelled(tmp_path, LABELS))
    assert len(fewer.labelled) == 20
    assert set(np.asarray(fewer.labelled)) < set(known)


def test_an_accuracy_is_of_the_test_images_with_a_label(tmp_path):
    """The others do not count, whatever they are; where none has one there is no accuracy."""
    task = build_task(partly_labelled(tmp_path))
    model = task.description.bind(drawn(task.description.init, scale=0.1))
    test = task.dataset.test
    trial = lambda test: Trial(model, None, task.dataset._replace(test=test), task.examples.observe)
    which = test.labels >= 0
    assert 0 < which.mean() < 0.5
    few = test._replace(images=test.images[which], labels=test.labels[which])
    assert REPORTS["classifier"](KEY, trial(test)) == REPORTS["classifier"](KEY, trial(few)) != {}
    assert REPORTS["classifier"](KEY, trial(test._replace(labels=np.full_like(test.labels, -1)))) == {}


@pytest.mark.parametrize(("kind", "flags"), [("m2", CONV), ("m1m2", [])])
def test_one_step_moves_everything(kind, flags):
    """Without convolutions the gradient of M2 is compared in test_labels, and a part of the other's here."""
    with untried():
        made = setup(configured(*PAIRS[kind], *flags, LABELS, *SGD))
    before, state, metrics = first_step(made)
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves((metrics, state.params)))
    moved = jax.tree.map(lambda a, b: np.abs(np.subtract(a, b)).max(), state.params, before.params)
    assert min(jax.tree.leaves(moved)) > 0


@pytest.mark.parametrize(("kind", "report"), [("m1m2", "classifier"), ("vae", "latent_classifier")])
def test_a_report_has_the_accuracy(kind, report):
    """Of q(y|x), with the analogies, or of the classifier on latents; at random parameters near chance."""
    task = build_task(configured(*PAIRS[kind], LABELS))
    assert report in task.reports
    assert ("analogies" in task.figures) == (kind == "m1m2")
    dataset, observe = task.dataset, task.examples.observe
    model = task.description.bind(drawn(task.description.init, scale=0.1))
    trial = Trial(
        model,
        jax.jit(lambda key: observe(key, dataset.test))(KEY),
        dataset,
        observe,
        num_classes=10,
        labelled=task.labelled,
    )
    assert 0 < REPORTS[report](KEY, trial)["test_accuracy"] < 1
    if kind == "m1m2":
        assert FIGURES["analogies"](KEY, trial).axes
        assert "accuracy" in task.description.metrics
        few, options = trial.x[:50], Options(labels=dataset.test.labels[:50])
        measured = validator(KEY, lambda params: model, few, metrics=("accuracy",), options=options)({})
        assert 0 < measured["accuracy"] < 1


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (
            ["--config.model.name=m2", LABELS],
            "objective.name is 'elbo' with model.name 'm2': set --config.objective.na",
        ),
        (["--config.objective.name=semi_supervised"], "with model.name 'vae': set --config.model.name=m2"),
        (PAIRS["m2"], "num_labels is unset, and .*: expected 10 .* to .*; set --config.data.num_labels"),
        (["--config.data.num_labels=9"], "num_labels is 9: expected 10"),
        ([*PAIRS["m2"], "--config.data.num_labels=5000"], "num_labels is 5000: expected 10"),
        (
            [*PAIRS["m2"], LABELS, *COMPONENTS, "--config.model.prior.name=vamp"],
            "model.prior.name is 'vamp': expected 'standard', 'mixture' or 'flow', which are over the style",
        ),
        (
            [*PAIRS["m2"], LABELS, *COMPONENTS, "--config.model.prior.fit_after=3"],
            "model.prior.fit_after is 3: expected none with model.name 'm2'; unset it",
        ),
        ([*PAIRS["m2"], LABELS, "--config.data.condition=label"], "'m2', whose label is a latent already: unset data"),
    ],
)
def test_labels_in_a_config_that_cannot_be(flags, message):
    with pytest.raises(UsageError, match=message):
        setup(configured(*flags))


@pytest.mark.parametrize("found", [[-1] * 9, [0] * 9])
@pytest.mark.parametrize("kind", ["m2", "m1m2"])
def test_images_without_two_classes_are_refused(kind, found, tmp_path):
    images = np.zeros((9, 8, 8, 1), np.uint8)
    labels = {} if found[0] < 0 else {"y_train": np.array(found), "y_test": np.array(found)}
    np.savez(tmp_path / "own.npz", x_train=images, x_test=images, **labels)
    data = [f"--config.data.dir={tmp_path}", "--config.data.name=own", "--config.data.num_validation=0"]
    with pytest.raises(UsageError, match=f"model.name is '{kind}' on data without labels of two classes or more"):
        setup(configured(*PAIRS[kind], *data, LABELS))


def test_the_study_reports_means_and_standard_errors():
    """Of accuracies 0.9, 0.91 and 0.92 for every model: 0.91, and 0.01 / sqrt(3)."""
    figure, lines = labels.labels_figure(lambda experiment, num_labels, seed: ("mnist", 0.9 + 0.01 * seed))
    assert len(lines) == 12
    assert all("accuracy 0.9100 ± 0.0058 of 3 seeds" in line for line in lines)
    assert "published: 0.967" in next(line for line in lines if line.startswith("M1+M2, mnist, 100"))
    assert len(figure.axes) == 1


def test_the_study_reads_a_run_that_is_there(tmp_path, monkeypatch):
    """A second time nothing is trained; another seed is another run, and one without results is carried on."""
    done = []

    def finish(path):
        done.append(path)
        (path / folder.RESULTS).write_text(json.dumps({"dataset": "digits", "test_accuracy": 0.5}))
        return path

    def train_new(config, name, runs):
        path = runs / name / f"run {len(done)}"
        path.mkdir(parents=True)
        folder.write_json(path / folder.DATASET, commands.describe(build_task(config), name))
        save_config(config, path / folder.CONFIG)
        return finish(path)

    config = configured(*PAIRS["m2"], LABELS)
    monkeypatch.setattr(labels, "load_experiment", lambda name: config)
    monkeypatch.setattr(commands, "train_new", train_new)
    monkeypatch.setattr(commands, "resume", lambda run: finish(folder.open_run(run)))
    train = functools.partial(labels.train, "mnist_m2", 20, runs=tmp_path)
    assert train(0) == train(0) == ("digits", 0.5)
    assert len(done) == 1
    (done[0] / folder.RESULTS).unlink()
    assert train(0) == ("digits", 0.5)
    assert done == [done[0], done[0]]
    train(1)
    assert len(done) == 3
    assert len(list((tmp_path / "mnist_m2").iterdir())) == 2
