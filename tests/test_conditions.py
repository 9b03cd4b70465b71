"""Conditional models by their names in a config: from training to evaluation, and what cannot be."""

import jax
import numpy as np
import pytest

from tests.test_bad_input import fails
from vaex.__main__ import main
from vaex.config import load_experiment, override
from vaex.errors import UsageError
from vaex.experiment import load, setup
from vaex.experiment.models import LIKELIHOODS, POSTERIORS
from vaex.model import Given
from vaex.run_folder import read_json
from vaex.train import train_step

SMALL = ["--config.model.encoder_hidden=(8,)", "--config.model.decoder_hidden=(8,)", "--config.model.latent_dim=3"]
KIND = ["--config.model.kind=conditional", *SMALL]
LABEL = [*KIND, "--config.data.condition=label", "--config.data.num_classes=10"]
HALF = [*KIND, "--config.data.condition=half"]
LOW = [*KIND, "--config.data.condition=low_resolution"]
GREY = ["--config.model.likelihood=gaussian_pixel"]


def configured(*flags):
    config = load_experiment("digits")
    if any("likelihood" in flag for flag in flags):
        config.data.binarize = None
    return setup(override(config, list(flags)))


def one_step(made):
    stored = jax.tree.map(lambda a: jax.numpy.asarray(a[:4]), made.stored)
    return jax.jit(lambda state: train_step(state, made.key, stored, recipe=made.recipe))(made.init())


@pytest.mark.parametrize(
    ("flags", "x_shape", "c_shape"),
    [(LABEL, (8, 8, 1), (10,)), (HALF, (4, 8, 1), (4, 8, 1)), ([*LOW, *GREY], (8, 8, 1), (2, 2, 1))],
)
def test_every_condition_trains(flags, x_shape, c_shape):
    made = configured(*flags)
    state, metrics = one_step(made)
    assert np.isfinite(metrics["loss"])
    moved = jax.tree.map(lambda a, b: np.abs(a - b).max(), state.params, made.init().params)
    assert all(max(jax.tree.leaves(moved[part])) > 1e-5 for part in ("prior", "encoder", "decoder"))
    seen = made.observe(made.key, jax.tree.map(lambda a: a[:2], made.dataset.test))
    assert isinstance(seen, Given)
    assert (seen.x.shape[1:], seen.condition.shape[1:]) == (x_shape, c_shape)
    assert made.num_dims == np.prod(x_shape)


def test_what_is_given_belongs_to_what_is_modelled():
    """The label, the averages of the grey levels, and the other half of the very same draw."""
    for flags in (LABEL, LOW, HALF):
        made = configured(*flags)
        few = jax.tree.map(lambda a: a[:5], made.dataset.test)
        seen = made.observe(jax.random.key(1), few)
        if flags is LABEL:
            np.testing.assert_array_equal(seen.condition.argmax(-1), few.labels)
        elif flags is LOW:
            blocks = few.images.reshape(5, 2, 4, 2, 4, 1).mean((2, 4)) / 255
            np.testing.assert_allclose(seen.condition, blocks, rtol=1e-5)
        else:
            whole = np.concatenate([seen.condition, seen.x], axis=1)
            x = configured("--config.data.binarize=dynamic").observe(jax.random.key(1), few)
            np.testing.assert_array_equal(whole, x)


@pytest.mark.parametrize("likelihood", LIKELIHOODS)
def test_every_likelihood_takes_a_condition(likelihood):
    pixels = LIKELIHOODS[likelihood].pixels
    flags = [
        f"--config.model.likelihood={likelihood}",
        *(["--config.data.binarize=dynamic"] if pixels == "binary" else []),
    ]
    made = configured(*HALF, *flags, *(["--config.model.sigma=0.1"] if likelihood == "gaussian_fixed" else []))
    model = jax.eval_shape(lambda: made.recipe.batch_loss)
    assert model is not None


def test_a_prior_by_its_name_has_no_network_of_the_condition():
    assert "network" in configured(*HALF).init().params["prior"]
    assert configured(*HALF, "--config.model.prior=standard").init().params["prior"] == {}
