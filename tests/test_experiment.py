"""What a config can name, each taken through one step of training."""

import jax
import numpy as np
import optax
import pytest
from vaex.config.objectives import BATCH_OBJECTIVES, OBJECTIVES

from tests.one_step import one_step
from vaex.config import override
from vaex.config.setup import OPTIMIZERS, setup
from vaex.errors import UsageError
from vaex.runs.experiments import load_experiment

DISCRETE = ("reinforce", "vimco", "gumbel", "enumerate")
HOT = ["--config.objective.name=gumbel", "--config.objective.temperature=0.5"]
STEPS = ["--config.schedule.steps=100"]
QUANTIZED = ["kind=vqvae", "patch=2", "latent_dim=3", "num_codes=6", "prior_width=4", "prior_depth=2"]
QUANTIZED = [f"--config.model.{flag}" for flag in QUANTIZED]
SMOOTH = "--config.model.activation=tanh"  # so that no unit is dead
CONV = ["--config.model.network=conv", "--config.model.channels=(2,3)"]
DEEP = ["--config.model.kind=deep", *CONV, "--config.model.network=residual", "--config.model.num_blocks=(1,2)"]
DEEP += ["--config.model.encoder_hidden=(500,)"]
CATEGORICAL = ["--config.model.posterior=one_hot", "--config.model.num_classes=3"]
LATENTS = {"vq": QUANTIZED, "reconstruction": ["--config.model.posterior=point"]}


def configured(*flags):
    return setup(override(load_experiment("digits"), ["--config.model.encoder_hidden=(8,)", *flags]))


@pytest.mark.parametrize("name", [*OBJECTIVES, *BATCH_OBJECTIVES])
def test_every_objective_trains(name):
    """Its gradient reaches encoder and decoder."""
    latents = CATEGORICAL if name in DISCRETE else LATENTS.get(name, [])
    made = configured(f"--config.objective.name={name}", *latents)
    state, metrics = one_step(made)
    assert all(np.isfinite(value) for value in metrics.values())
    before = made.init().params
    for side in ("encoder", "decoder"):
        moved = jax.tree.map(lambda a, b: np.abs(a - b).max(), state.params[side], before[side])
        assert max(jax.tree.leaves(moved)) > 1e-5, side


@pytest.mark.parametrize(
    "flags",
    [
        ["--config.model.network=gated"],
        [*CONV, SMOOTH],
        [*CONV, SMOOTH, "--config.model.network=residual", "--config.model.num_blocks=(1,2)"],
    ],
    ids=["gated", "conv", "residual"],
)
def test_every_network_trains(flags):
    """From an output at the mean of the training images."""
    made = configured(*flags, "--config.data.binarize=threshold")
    state, metrics = one_step(made)
    assert np.isfinite(metrics["loss"])
    mean = np.clip(made.dataset.train.images.mean(axis=0) / 255, 1e-3, 1 - 1e-3)
    model = made.bind(made.init().params)
    np.testing.assert_allclose(model.decode(jax.numpy.zeros(8)).mean, mean, atol=1e-5)
    for side in ("encoder", "decoder"):
        still = jax.tree.map(lambda a, b: np.array_equal(a, b), state.params[side], made.init().params[side])
        assert not any(jax.tree.leaves(still)), side


def updates(made, num_steps):
    """What its optimizer does to a number whose gradient is 2."""
    optimizer, number = made.recipe.optimizer, jax.numpy.array(0.0)
    step = lambda state, _: optimizer.update(jax.numpy.array(2.0), state, number)[::-1]
    return np.asarray(jax.lax.scan(step, optimizer.init(number), length=num_steps)[1])


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_every_optimizer_goes_down_and_slows_as_it_is_told(name):
    """The first step is at the learning rate, the one after the last at the final one."""
    flags = [f"--config.optimizer.name={name}", "--config.optimizer.learning_rate=0.01"]
    slowing = configured(*flags, "--config.optimizer.final_learning_rate=0.0001", "--config.train.num_epochs=3")
    constant, num_steps = configured(*flags), 3 * slowing.num_steps + 1
    slow, same = updates(slowing, num_steps), updates(constant, num_steps)
    assert same.max() < 0
    np.testing.assert_allclose([slow[0], slow[-1]], [same[0], same[-1] / 100], rtol=1e-4)
    assert np.all(np.diff(slow / same) < 0)


def test_eps_is_adams():
    flags = ["--config.optimizer.learning_rate=0.01", "--config.optimizer.eps=6.0"]
    np.testing.assert_allclose(updates(configured(*flags), 1), [-0.01 * 2 / (2 + 6)], rtol=1e-5)


def test_of_a_field_named_twice_the_last_value_counts():
    flags = ["--config.model.encoder_hidden=(3,)", "--config.seed", "4", "--config.model.encoder_hidden=(5,)"]
    config = override(load_experiment("digits"), flags)
    assert (config.model.encoder_hidden, config.seed) == ((5,), 4)


def test_options_reach_the_objective():
    losses = [float(one_step(configured(f"--config.objective.beta={beta}"))[1]["loss"]) for beta in (1.0, 5.0)]
    _, metrics = one_step(configured("--config.objective.beta=5.0"))
    np.testing.assert_allclose(losses[1] - losses[0], 4 * metrics["kl"], rtol=1e-3)


def test_a_schedule_starts_where_it_says():
    flags = ["--config.objective.beta=5.0", "--config.schedule.option=beta"]
    flags += ["--config.schedule.start=2.0", "--config.schedule.steps=100"]
    _, metrics = one_step(configured(*flags))
    np.testing.assert_allclose(metrics["objective"], metrics["log_px_z"] - 2 * metrics["kl"], rtol=1e-4)


def test_a_moving_average_and_a_prior_on_the_weights():
    flags = ["--config.objective.name=reinforce", "--config.objective.baseline=moving_average", *CATEGORICAL]
    state, metrics = one_step(configured(*flags))
    assert state.average == metrics["elbo"]
    plain, heavy = (one_step(configured(*f))[1]["loss"] for f in ([], ["--config.train.weight_sigma=0.01"]))
    assert heavy > plain + 1


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ([*STEPS, "--config.schedule.option=beta"], "expected an option of the objective that is set"),
        ([*STEPS, "--config.objective.beta=1.0", "--config.schedule.option=nats"], "set are beta"),
        (["--config.objective.beta=1.0", "--config.schedule.option=beta"], "without schedule.steps"),
        (STEPS, "schedule.steps is set without schedule.option"),
        (["--config.objective.name=vimco", "--config.objective.num_samples=1"], "at least 2 draws"),
        (["--config.objective.name=free_bits", "--config.objective.group_size=0"], "group_size is 0"),
        (
            [*STEPS, *CATEGORICAL, *HOT, "--config.schedule.option=temperature"],
            "temperature is 0.0",
        ),
        (
            [*STEPS, "--config.objective.beta=1.0", "--config.schedule.option=beta", "--config.schedule.kind=square"],
            "linear",
        ),
        (["--config.model.posterior=one_hot"], "without model.num_classes: set"),
        (["--config.model.network=conv"], "without model.channels: set"),
        (["--config.model.channels=(4,)"], "model.network 'mlp' has none: unset it, or set --config.model.network to"),
        (["--config.model.network=gated", "--config.model.activation=tanh"], "model.network 'gated' has none"),
        ([*CONV, "--config.model.network=residual", "--config.model.num_blocks=(1,)"], "expected one for each"),
        (["--config.model.network=conv", "--config.model.channels=(4,0)"], r"model.channels\[1\] is 0"),
        (["--config.optimizer.clip_norm=0.0"], "optimizer.clip_norm is 0.0"),
        (["--config.model.kind=deep"], "set --config.model.network=residual"),
        (DEEP[:-1], "model.kind 'deep' does not read: set --config.model.encoder_hidden=500"),
        (
            [*DEEP, "--config.model.decoder_hidden=(3,)"],
            r"model.decoder_hidden is \(3,\), which model.kind 'deep' does not",
        ),
        ([*QUANTIZED, "--config.objective.name=iwae"], "'iwae', which would not train its encoder: set"),
        ([*CATEGORICAL, "--config.model.prior=standard"], "model.prior is 'standard' over continuous latents: leave"),
        (["--config.model.num_classes=3"], "has none: unset it, or set --config.model.posterior to one_hot"),
        (["--config.train.weight_sigma=0.0"], "train.weight_sigma is 0.0"),
        (
            ["--config.objective.name=total_correlation", "--config.objective.nats=1.0"],
            "takes alpha, beta, gamma: unset",
        ),
    ],
)
def test_what_cannot_be_is_refused(flags, message):
    with pytest.raises(UsageError, match=message):
        configured(*flags)


FLOW = ["--config.model.posterior=iaf", "--config.model.num_flows=1", "--config.model.flow_hidden=(4,)"]
OF_M2 = ["--config.model.kind=m2", "--config.objective.name=semi_supervised", "--config.data.num_labels=20"]
OF_M2 += ["--config.data.num_classes=10"]


@pytest.mark.parametrize("flags", [[*FLOW, "--config.objective.kl=sampled"], OF_M2])
def test_an_activation_is_read_by_the_networks_beside_a_gated_one(flags):
    """One step of two activations differs, and nothing else is different."""
    after = [
        one_step(configured("--config.model.network=gated", f"--config.model.activation={name}", *flags))[0].params
        for name in ("relu", "tanh")
    ]
    differences = jax.tree.map(lambda a, b: float(np.abs(a - b).max()), *after)
    assert max(jax.tree.leaves(differences)) > 0


def test_categorical_latents_with_a_gradient_through_them_name_the_estimators():
    with pytest.raises(UsageError, match="reinforce, vimco or enumerate"):
        configured("--config.objective.name=iwae", *CATEGORICAL)


def test_a_clipped_gradient_has_the_norm_and_a_small_one_is_left():
    """Under sgd the step is the learning rate times the gradient."""
    moved = {}
    for clip in (None, 1e-3, 1e6):
        flags = [] if clip is None else [f"--config.optimizer.clip_norm={clip}", "--config.optimizer.max_skipped=5"]
        made = configured("--config.optimizer.name=sgd", "--config.optimizer.learning_rate=1.0", *flags)
        state, _ = one_step(made)
        moved[clip] = jax.tree.map(lambda a, b: a - b, state.params, made.init().params)
    norm = float(optax.tree.norm(moved[None]))
    np.testing.assert_allclose(optax.tree.norm(moved[1e-3]), 1e-3, rtol=0.02)
    assert norm > 1
    for a, b in zip(*(jax.tree.leaves(moved[clip]) for clip in (None, 1e-3)), strict=True):
        np.testing.assert_allclose(a * 1e-3 / norm, b, atol=1e-6)  # a rounding of the largest biases
    for a, b in zip(*(jax.tree.leaves(moved[clip]) for clip in (None, 1e6)), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)
