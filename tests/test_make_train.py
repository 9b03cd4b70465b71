"""Training as one pure function of a key."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import vaex
from vaex.config import override
from vaex.config.measure import measure
from vaex.config.setup import setup
from vaex.data import Split
from vaex.data.examples import Making, pairs
from vaex.errors import UsageError
from vaex.runs.experiments import load_experiment
from vaex.train import train_epoch

SMALL = ["model.latent_dim=2", "model.network.encoder_hidden=4", "model.network.decoder_hidden=4"]
QUICK = [*SMALL, "evaluate.validation_samples=2", "data.num_validation=50", "train.num_epochs=2"]


def configured(*flags):
    return override(load_experiment("digits"), [f"--config.{flag}" for flag in [*QUICK, *flags]])


def test_each_key_is_the_run_of_its_seed():
    found = jax.jit(jax.vmap(vaex.make_train(configured())))(jax.vmap(jax.random.key)(jnp.array([3, 5])))
    made = setup(configured("seed=5"))
    state, stored = made.init(), jax.tree.map(jnp.asarray, made.task.stored)
    run_epoch = jax.jit(functools.partial(train_epoch, recipe=made.recipe, batch_size=128))
    losses = []
    for _ in range(2):
        state, metrics, _ = run_epoch(state, made.task.key, stored)
        losses.append(metrics["loss"])
    close = functools.partial(np.testing.assert_allclose, rtol=1e-4, atol=1e-6)
    jax.tree.map(lambda a, b: close(a[1], b), found.params, state.params)
    close(found.metrics["loss"][1], losses)
    close(found.validation["elbo"][1], measure(made)(state.params)["elbo"])
    assert found.metrics["loss"].shape == (2, 2)
    assert abs(found.metrics["loss"][0] - found.metrics["loss"][1]).min() > 1e-3
    assert found.first_bad.tolist() == [-1, -1]


def test_masks_and_labels_are_the_keys():
    """They are drawn inside of a function of the key, which may be traced; nothing is compiled."""
    images, keys = np.zeros((30, 2, 2, 1), np.uint8), jax.random.split(jax.random.key(0), 3)
    by = Making(lambda key, levels: levels / 255, fraction=0.3, num_labels=9, num_classes=3)
    stored = lambda key: pairs(by._replace(key=key)).stored(Split(images, np.arange(30, dtype=np.int32) % 3))
    found = jax.eval_shape(jax.vmap(stored), keys)
    assert found.unlabelled.mask.shape == found.labelled.images.shape == (3, 21, 2, 2, 1)
    assert jax.eval_shape(vaex.make_train(configured("data.missing=0.3")), keys[0]).metrics["loss"].shape == (2,)


def test_a_run_on_several_devices_is_no_part_of_a_program():
    config = override(load_experiment("digits"), ["--config.train.devices=2"])
    with pytest.raises(UsageError, match=r"train.devices is 2: expected 1 of runs that share a program"):
        vaex.make_train(config)


def test_a_prior_that_is_fitted_between_epochs_is_no_pure_function():
    prior = ["model.prior.name=mixture", "model.prior.num_components=5", "model.prior.fit_after=1"]
    with pytest.raises(UsageError, match="unset it, or use `make sweep`"):
        vaex.make_train(configured(*prior, "objective.kl=sampled"))
