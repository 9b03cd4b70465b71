"""What a config can name, each taken through one step of training."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.one_step import QUICK, SGD, configured, one_step, traced_first_step, untried
from vaex.config import (
    LIKELIHOODS,
    MODELS,
    NETWORKS,
    OBJECTIVES,
    POSTERIORS,
    PRIORS,
    default_config,
    override,
    section,
)
from vaex.config.setup import setup
from vaex.config.task import build_task
from vaex.errors import UsageError
from vaex.models import KINDS
from vaex.models.weights import MeanField, weights_kl
from vaex.objectives import Context
from vaex.runs.experiments import load_experiment

NARROW = "--config.model.network.encoder_hidden=(8,)"
CATEGORICAL = ["--config.model.posterior.name=one_hot", "--config.model.posterior.num_classes=3"]
BETA = ["--config.schedule.name=linear", "--config.schedule.option=beta"]
STEPS = "--config.schedule.steps=100"
SMOOTH = "--config.model.network.activation=tanh"  # so that no unit is dead
CONV = ["--config.model.network.name=conv", "--config.model.network.channels=(2,3)"]
RESIDUAL = ["--config.model.network.name=residual", "--config.model.network.channels=(2,3)"]
QUANTIZED = ["name=vqvae", "patch=2", "latent_dim=3", "num_codes=6", "prior_width=4", "prior_depth=2"]
QUANTIZED = [f"--config.model.{flag}" for flag in QUANTIZED]
OF_M1M2 = ["--config.model.name=m1m2", "--config.data.num_labels=20", NARROW]
OF_M1M2 += ["--config.model.upper_dim=2", "--config.model.upper_hidden=(4,)"]


def first_steps(compute):
    """What a function of this gives, in one program: a setup -> its state before and after a step, and the metrics."""
    return jax.tree.map(np.asarray, jax.jit(lambda: compute(traced_first_step), compiler_options=QUICK)())


@pytest.fixture(scope="module")
def measured():
    """The metrics of one step by name of what is set."""
    flags = {
        "nothing": [],
        "beta": ["--config.objective.beta=5.0"],
        "schedule": ["--config.objective.beta=5.0", *BETA, "--config.schedule.start=2.0", STEPS],
        "weights": ["--config.train.weight_sigma=0.01"],
    }
    with untried():
        made = {name: configured(*flags[name]) for name in flags}
    return first_steps(lambda step: {name: step(made[name])[-1] for name in made})


@pytest.mark.parametrize(
    "flags",
    [
        ["--config.model.network.name=gated"],
        [*CONV, SMOOTH],
        [*RESIDUAL, SMOOTH, "--config.model.network.num_blocks=(1,2)"],
    ],
    ids=["gated", "conv", "residual"],
)
def test_every_network_trains(flags):
    """From an output at the mean of the training images."""
    with untried():
        made = configured(*flags, "--config.data.binarize=threshold", *SGD)

    def compute(step):
        start, state, metrics = step(made)
        return start, state, metrics, made.task.description.bind(start.params).decode(jnp.zeros(8)).mean

    before, after, metrics, decoded = first_steps(compute)
    assert np.isfinite(metrics["loss"])
    mean = np.clip(made.task.dataset.train.images.mean(axis=0) / 255, 1e-3, 1 - 1e-3)
    np.testing.assert_allclose(decoded, mean, atol=1e-5)
    for side in ("encoder", "decoder"):
        still = jax.tree.map(lambda a, b: np.array_equal(a, b), after.params[side], before.params[side])
        assert not any(jax.tree.leaves(still)), side


def test_of_a_field_named_twice_the_last_value_counts():
    hidden = "--config.model.network.encoder_hidden"
    config = override(load_experiment("digits"), [f"{hidden}=(3,)", "--config.seed", "4", f"{hidden}=(5,)"])
    assert (config.model.network.encoder_hidden, config.seed) == ((5,), 4)


def test_options_reach_the_objective(measured):
    plain, heavy = measured["nothing"], measured["beta"]
    np.testing.assert_allclose(heavy["loss"] - plain["loss"], 4 * heavy["kl"], rtol=1e-3)


def test_a_schedule_starts_where_it_says(measured):
    metrics = measured["schedule"]
    np.testing.assert_allclose(metrics["objective"], metrics["log_px_z"] - 2 * metrics["kl"], rtol=1e-4)


def test_a_moving_average_and_a_prior_on_the_weights(measured):
    flags = ["--config.objective.name=reinforce", "--config.objective.baseline=moving_average", *CATEGORICAL]
    state, metrics = one_step(configured(*flags))
    assert state.average == metrics["elbo"]
    assert measured["weights"]["loss"] > measured["nothing"]["loss"] + 1


@pytest.mark.parametrize("table", [MODELS, POSTERIORS, PRIORS, NETWORKS, LIKELIHOODS], ids=lambda table: table.what)
def test_a_model_and_its_parts_are_swapped_by_a_name_alone(table):
    """Each option has a usual value, but for a scale that is to be known beforehand."""
    fields = [(name, field) for name in table for field in table.fields(name).values()]
    needed = [f"{name}'s {field.name}" for name, field in fields if field.is_required]
    assert needed == (["gaussian_fixed's sigma"] if table is LIKELIHOODS else [])


@pytest.mark.parametrize("kind", [name for name in MODELS if name != "autoencoder"])
def test_every_kind_of_model_by_its_name_alone_has_a_bound(kind):
    config = default_config()
    config.data.name, config.data.binarize = "digits", "dynamic"
    config.data.num_labels = 20 if KINDS[kind].examples == "pairs" else None
    config.model = section(MODELS, kind)
    config.objective = section(OBJECTIVES, (*KINDS[kind].objectives, "elbo")[0])
    with untried():
        made = setup(config)
    recipe, stored = made.recipe, jax.tree.map(lambda a: jnp.asarray(a[:4]), made.task.stored)

    def loss(params):
        x, context = recipe.preprocess(made.task.key, stored), Context(jnp.array(0), jnp.array(0.0))
        return recipe.batch_loss(made.task.key, recipe.bind(params), x, context)

    assert jax.eval_shape(loss, jax.eval_shape(made.init).params)[1]["elbo"].shape == ()


def test_a_flow_a_vamp_prior_and_convolutions_by_their_names():
    made = configured(
        *(f"--config.model.{part}" for part in ("posterior.name=iaf", "prior.name=vamp", "network.name=conv"))
    )
    params = jax.eval_shape(made.init).params
    assert params["prior"]["pseudo_inputs"].shape[0] == 100


def test_weights_with_a_distribution():
    """Their KL is counted once for the data set, and what is evaluated averages over draws of them."""
    flags = ["train.weights=variational", "train.weight_sigma=0.5", "data.num_train=200", "evaluate.weight_draws=3"]
    made = configured(*(f"--config.{flag}" for flag in flags))

    def compute(step):
        start, _, metrics = step(made)
        assert made.task.description.bind(start.params).decode(jnp.zeros(8)).num_components == 3
        q = MeanField({"decoder": start.params["decoder"]}, start.params["log_sigma"])
        return metrics, weights_kl(q, sigma=0.5)

    metrics, kl = first_steps(compute)
    np.testing.assert_allclose(metrics["loss"] + metrics["elbo"], kl / 200, rtol=1e-5)


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ([STEPS, BETA[1]], "is of a section that is not set: set --config.schedule.name first"),
        ([*BETA[:1], STEPS, "--config.schedule.option=nats"], "schedule.option is 'nats': expected .* may move: beta"),
        (BETA, "schedule.steps is not set: expected a value"),
        ([*BETA[:1], STEPS], "schedule.option is not set: expected a value"),
        (["--config.objective.name=vimco", "--config.objective.num_samples=1"], "at least 2"),
        (["--config.objective.name=free_bits", "--config.objective.group_size=0"], "group_size is 0"),
        (
            [*BETA[:1], STEPS, *CATEGORICAL, "--config.objective.name=gumbel", "--config.schedule.option=temperature"],
            "schedule.start is 0.0: expected a number above 0",
        ),
        ([*BETA, STEPS, "--config.schedule.name=square"], "schedule.name is 'square': expected one of linear"),
        (CONV[1:], "network 'mlp' has no channels, which is of conv, residual: set --config.model.network.name"),
        (["--config.model.network.name=gated", SMOOTH], "'gated' has no activation, which is of mlp, conv, residual"),
        ([*RESIDUAL, "--config.model.network.num_blocks=(1,)"], "expected a number for each resolution of channels"),
        ([CONV[0], "--config.model.network.channels=()"], r"model.network.channels is \(\): expected a width for each"),
        ([CONV[0], "--config.model.network.channels=(4,0)"], r"model.network.channels is \(4, 0\): expected whole"),
        (["--config.train.clip_norm=0.0"], "train.clip_norm is 0.0"),
        (
            ["--config.model.name=deep", "--config.model.network.encoder_hidden=8,"],
            "model 'deep' has no network, which is of vae,",
        ),
        (
            [*QUANTIZED, "--config.objective.name=iwae"],
            "'iwae' with model.name 'vqvae': set --config.objective.name",
        ),
        (["--config.objective.name=vq"], "'vq' with model.name 'vae': set --config.model.name=vqvae"),
        ([*CATEGORICAL, "--config.model.prior.name=standard"], "over vectors of any real numbers, and model.pos"),
        (
            CATEGORICAL[1:],
            "posterior 'diagonal' has no num_classes, which is of one_hot: set --config.model.",
        ),
        (["--config.train.weight_sigma=0.0"], "train.weight_sigma is 0.0"),
        (["--config.train.weights=both"], "train.weights is 'both': expected one of point, variational"),
        (["--config.data.num_train=5000"], "data.num_train is 5000: expected at most 1518, the training examples of"),
        (
            ["--config.objective.name=total_correlation", "--config.objective.nats=1.0"],
            "'total_correlation' has no nats, which is of free_bits, capacity",
        ),
    ],
)
def test_what_cannot_be_is_refused(flags, message):
    with pytest.raises(UsageError, match=message):
        configured(*flags)


FLOW = ["name=iaf", "num_flows=1", "hidden=(4,)"]
FLOW = [f"--config.model.posterior.{flag}" for flag in FLOW] + ["--config.objective.kl=sampled"]


@pytest.mark.parametrize(
    ("activation", "flags"),
    [
        ("model.posterior.activation", FLOW),
        ("model.activation", [*OF_M1M2, "--config.objective.name=stacked_semi_supervised"]),
    ],
)
def test_an_activation_is_read_by_the_networks_beside_a_gated_one(activation, flags):
    """One that has tanh nowhere of its own."""

    def traced(name):
        flag = f"--config.{activation}={name}"
        config = override(load_experiment("digits"), ["--config.model.network.name=gated", flag, *flags])
        description = build_task(config).description
        draw = lambda params: description.bind(params).encode(jnp.zeros((8, 8, 1))).sample(jax.random.key(0))
        return str(jax.make_jaxpr(draw)(jax.eval_shape(description.init, jax.random.key(0))))

    assert " tanh " in traced("tanh")
    assert " tanh " not in traced("relu")


def test_categorical_latents_with_a_gradient_through_them_name_the_estimators():
    with pytest.raises(UsageError, match="reinforce, vimco or enumerate"):
        configured("--config.objective.name=iwae", *CATEGORICAL)
