"""Conditional models by their names in a config: from training to evaluation, and what cannot be."""

import jax
import numpy as np
import pytest

from tests.one_step import SGD, first_step, untried
from tests.test_bad_input import fails
from vaex.__main__ import main
from vaex.config import override
from vaex.config.setup import setup
from vaex.config.task import build_task
from vaex.errors import UsageError
from vaex.model import Given
from vaex.runs.experiments import load_experiment
from vaex.runs.folder import read_json
from vaex.runs.load import load

HIDDEN = ["encoder_hidden=(8,)", "decoder_hidden=(8,)"]
SMALL = ["--config.model.latent_dim=3", *(f"--config.model.network.{flag}" for flag in HIDDEN)]
LAYERS = ["latent_dims=(4,3)", "between_hidden=((5,),)", *HIDDEN]
LABEL, HALF, LOW = (f"--config.data.condition={name}" for name in ("label", "half", "low_resolution"))
GREY = "--config.model.likelihood.name=gaussian_pixel"
HOT = ["--config.model.posterior.name=one_hot", "--config.model.posterior.num_classes=4"]
HOT += ["--config.objective.name=gumbel"]


DEEP = ["--config.objective.kl=sampled"]
DEEP += [f"--config.model.{flag}" for flag in ("name=deep", "channels=(2,)", "num_blocks=(1,)", "latent_dim=1")]


def layered(name):
    return [f"--config.model.{flag}" for flag in (f"name={name}", *LAYERS)] + ["--config.objective.kl=sampled"]


def config_of(*flags):
    config = load_experiment("digits")
    if any("likelihood" in flag for flag in flags):
        config.data.binarize = None
    return override(config, list(flags))


def configured(*flags):
    return setup(config_of(*flags))


def task(*flags):
    return build_task(config_of(*flags))


def shapes(*flags):
    """Of the parameters."""
    return jax.eval_shape(task(*flags).description.init, jax.random.key(0))


@pytest.mark.parametrize(
    ("flags", "x_shape", "c_shape"),
    [
        ([LABEL, *SMALL], (8, 8, 1), (10,)),
        ([HALF, *SMALL, *HOT], (4, 8, 1), (4, 8, 1)),
        ([LOW, *SMALL, GREY], (8, 8, 1), (2, 2, 1)),
        ([LABEL, *layered("hierarchy")], (8, 8, 1), (10,)),
        ([HALF, *layered("ladder")], (4, 8, 1), (4, 8, 1)),
        ([LABEL, *DEEP], (8, 8, 1), (10,)),
    ],
)
def test_every_condition_trains(flags, x_shape, c_shape):
    with untried():
        made = configured(*flags, *SGD)
    before, state, metrics = first_step(made, 4)
    assert np.isfinite(metrics["loss"])
    moved = jax.tree.map(lambda a, b: np.abs(np.subtract(a, b)).max(), state.params, before.params)
    parts = [
        *(moved[part] for part in ("prior", "encoder", "decoder")),
        *filter(jax.tree.leaves, [moved.get("posterior")]),
    ]
    assert all(max(jax.tree.leaves(part)) > 1e-5 for part in parts)
    few = jax.tree.map(lambda a: a[:2], made.task.dataset.test)
    seen = jax.eval_shape(made.task.examples.observe, made.task.key, few)
    assert isinstance(seen, Given)
    assert (seen.x.shape[1:], seen.condition.shape[1:]) == (x_shape, c_shape)
    assert made.task.num_dims == np.prod(x_shape)


def test_a_label_adds_its_classes_to_the_input_of_a_network_of_vectors():
    """And a channel for each to a convolutional one's."""
    encoder = lambda *flags: shapes(LABEL, *SMALL, *flags)["encoder"]["params"]
    assert encoder("--config.model.network.name=gated")["linear_0"]["kernel"].shape[0] == 64 + 10
    conv = encoder("--config.model.network.name=conv", "--config.model.network.channels=2,3")
    assert conv["pyramid"]["down_0"]["kernel"].shape[2] == 4 * (1 + 10)


def test_what_is_given_belongs_to_what_is_modelled():
    """The label, the averages of the grey levels, and the other half of the very same draw."""
    plain = task("--config.data.binarize=dynamic")
    few = jax.tree.map(lambda a: a[:5], plain.dataset.test)
    tasks = [plain, *(task(*flags) for flags in ([LABEL], [LOW, GREY], [HALF]))]
    observed = jax.jit(lambda key: [one.examples.observe(key, few) for one in tasks])
    drawn, label, low, half = observed(jax.random.key(1))
    np.testing.assert_array_equal(np.asarray(label.condition).argmax(-1), few.labels)
    blocks = few.images.reshape(5, 2, 4, 2, 4, 1).mean((2, 4)) / 255
    np.testing.assert_allclose(low.condition, blocks, rtol=1e-5)
    np.testing.assert_array_equal(np.concatenate([half.condition, half.x], axis=1), drawn)


def test_a_prior_by_its_name_has_no_network_of_the_condition():
    assert "network" in shapes(HALF, *SMALL)["prior"]
    assert shapes(HALF, *SMALL, "--config.model.prior.name=standard")["prior"] == {}


VQ = ["--config.model.name=vqvae", "--config.model.num_codes=4", "--config.model.patch=4", "--config.objective.name=vq"]
M2 = ["--config.model.name=m2", "--config.data.num_labels=20", "--config.objective.name=semi_supervised"]


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--config.model.prior.name=conditional"], "'conditional' without a condition: set --config.data.condition"),
        (["--config.data.condition=labels"], "data.condition is 'labels': expected one of label"),
        ([HALF, "--config.objective.name=info"], "under one p.z., and found a p.z.c.: use another"),
        ([LABEL, *VQ], "data.condition is set with model.name 'vqvae', whose codes .*: unset data.condition"),
        ([LABEL, *M2], "data.condition is set with model.name 'm2', whose label is a latent already: unset"),
        ([LABEL, "--config.model.name=autoencoder", "--config.objective.name=reconstruction"], "which has no p.z.c."),
        ([HALF, "--config.data.num_classes=10"], "unknown config field --config.data.num_classes"),
    ],
)
def test_what_cannot_be_is_refused(flags, message):
    with pytest.raises(UsageError, match=message):
        configured(*flags)


def test_images_that_have_no_such_condition(tmp_path):
    np.savez(tmp_path / "mine.npz", images=np.zeros((300, 9, 8), np.uint8))
    mine = ["--config.data.name=mine", f"--config.data.dir={tmp_path}"]
    with pytest.raises(UsageError, match="'label', but 300 of 300 examples have none: label them or leave them out"):
        configured(LABEL, *mine)
    with pytest.raises(UsageError, match="on images of 9 x 8 pixels: expected a height and a width that 4 divides"):
        configured(LOW, GREY, *mine)
    with pytest.raises(UsageError, match=r"'half_resolution' on images of 9 x 8 pixels: .* that 2 divides"):
        configured("--config.data.condition=half_resolution", GREY, *mine)


def test_a_run_from_training_to_samples(capsys, tmp_path, few_pictures, request):
    few_pictures("reconstructions", "samples", "manifold", "latent", "interpolations", "samples_by_label")
    quick = ["--config.train.num_epochs=2", "--config.evaluate.num_samples=2", "--config.train.eval_every=2"]
    assert main(["train", "digits", "--runs", str(tmp_path), LABEL, *SMALL, *quick]) == 0
    run = (tmp_path / "latest").resolve()
    before = read_json(run / "results.json")
    (run / "results.json").unlink()
    request.getfixturevalue("no_pictures")  # again
    assert main(["evaluate", str(run)]) == 0
    after = read_json(run / "results.json")
    assert main(["train", "--run", str(run)]) == 0
    assert before["test_log_likelihood"] == after["test_log_likelihood"]
    assert {f.stem for f in (run / "figures").iterdir()} >= {"samples_by_label", "reconstructions"}
    assert main(["sample", str(run), "--num-samples", "12", "--label", "7"]) == 0
    means = np.load(run / "samples.npz")["means"]
    vae, params, _ = load(run)
    seven = vae.bind(params).given(jax.nn.one_hot(7, 10))
    z = np.load(run / "samples.npz")["z"]
    np.testing.assert_allclose(means[3], seven.decode(z[3]).mean, rtol=1e-5)
    assert "--label is 10: expected 0 to 9" in fails(capsys, ["sample", str(run), "--label", "10"])


@pytest.mark.usefixtures("no_pictures")
def test_an_enlargement_is_compared_with_interpolation(capsys, tmp_path):
    """Pixels are grey there, for PSNR and a density."""
    config = tmp_path / "grey.py"
    grey = "def get_config():\n    config = digits()\n    config.data.binarize = None\n    return config\n"
    config.write_text(f"from experiments.digits import get_config as digits\n\n\n{grey}")
    quick = ["--config.train.num_epochs=1", "--config.evaluate.num_samples=2"]
    assert main(["train", str(config), "--runs", str(tmp_path), LOW, GREY, *SMALL, *quick]) == 0
    results = read_json(tmp_path / "latest" / "results.json")
    assert 5 < results["psnr_of_bicubic"] < 30
    assert results["psnr_of_the_mean_completion"] > results["psnr_of_a_completion"]
    assert np.isfinite(results["log_likelihood_of_bicubic"])
    np.testing.assert_allclose(results["bits_per_dim"], 8 - results["test_elbo"] / (64 * np.log(2)), rtol=1e-4)
    assert 0 < results["ssim_of_a_completion"] < results["ssim_of_the_mean_completion"] < 1
    assert "psnr of bicubic" in capsys.readouterr().out
    line = fails(capsys, ["sample", str(tmp_path / "latest")])
    assert "this model's condition is an image (low_resolution)" in line
