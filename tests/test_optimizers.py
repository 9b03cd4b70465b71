"""Optimizers: each by its name, its learning rate moved, its gradient clipped; and which there are."""

import functools
import inspect

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from optax import contrib

from tests.one_step import configured, first_step, untried
from tests.refusal import refusal
from vaex.config import OPTIMIZERS, override, section
from vaex.config.optimizer import build_optimizer
from vaex.config.root import ROOT
from vaex.config.section import call
from vaex.errors import UsageError
from vaex.runs.experiments import load_experiment
from vaex.train.optimizers import kernels

LEFT_OUT = {  # what else of optax and optax.contrib takes a learning rate, and why it has no name here
    "dpsgd": "takes each example's gradient",
    "lbfgs": "takes the loss's value and function",
    "momo": "takes the loss's value",
    "momo_adam": "takes the loss's value",
    "optimistic_adam": "takes no schedule; optimistic_adam_v2 does",
    "rprop": "takes no schedule",
    "scale_by_learning_rate": "a part of an optimizer",
    "scale_by_madgrad": "a part of an optimizer",
    "scale_by_rprop": "a part of an optimizer",
    "schedule_free": "wraps another optimizer",
    "sm3": "takes no schedule",
    "sophia": "takes the loss's function",
}

COSINE = ["--config.train.learning_rate.name=cosine", "--config.train.learning_rate.final=0.0001"]


def optimizer_of(*flags, num_steps=30):
    config = override(load_experiment("digits"), list(flags))
    return build_optimizer(config, call(ROOT, config), num_steps)


def updates(*optimizers, num_steps=31):
    """What each does to a number whose gradient is 2, all in one program."""

    def one(optimizer):
        number = jnp.array(0.0)
        step = lambda state, _: optimizer.update(jnp.array(2.0), state, number)[::-1]
        return jax.lax.scan(step, optimizer.init(number), length=num_steps)[1]

    return jax.tree.map(np.asarray, jax.jit(lambda: [one(optimizer) for optimizer in optimizers])())


@pytest.mark.parametrize("name", ["adam", "adagrad", "sgd", "lion", "muon"])
def test_every_optimizer_goes_down_and_slows_as_it_is_told(name):
    """The first step is at the learning rate, the one after the last at the final one."""
    flags = [f"--config.optimizer.name={name}", "--config.optimizer.learning_rate=0.01"]
    slow, same = updates(optimizer_of(*flags, *COSINE), optimizer_of(*flags))
    assert same.max() < 0
    np.testing.assert_allclose([slow[0], slow[-1]], [same[0], same[-1] / 100], rtol=1e-4)
    assert np.all(np.diff(slow / same) < 0)


def test_a_learning_rate_warms_up():
    """From 0 to its peak in so many steps, and to the final one at the end."""
    flags = ["--config.optimizer.name=sgd", "--config.optimizer.learning_rate=0.01"]
    rate = ["name=warmup_cosine", "final=0.0001", "warmup_steps=5"]
    (slow,) = updates(optimizer_of(*flags, *(f"--config.train.learning_rate.{flag}" for flag in rate)))
    np.testing.assert_allclose(slow[[0, 1, 5, -1]], [0, -0.02 / 5, -0.02, -0.0002], rtol=1e-4)


def test_a_cosine_by_its_name_alone_ends_at_nothing():
    flags = ["--config.optimizer.name=sgd", "--config.optimizer.learning_rate=0.01", COSINE[0]]
    (slow,) = updates(optimizer_of(*flags))
    np.testing.assert_allclose(slow[[0, -1]], [-0.02, 0], rtol=1e-6, atol=1e-9)
    with pytest.raises(UsageError, match=r"learning_rate\.final is -1\.0: expected a finite number"):
        optimizer_of(*flags, "--config.train.learning_rate.final=-1.0")


def test_eps_is_adams():
    flags = ["--config.optimizer.learning_rate=0.01", "--config.optimizer.eps=6.0"]
    np.testing.assert_allclose(updates(optimizer_of(*flags), num_steps=1), [[-0.01 * 2 / (2 + 6)]], rtol=1e-5)


def test_a_clipped_gradient_has_the_norm_and_a_small_one_is_left():
    """Under sgd the step is the learning rate times the gradient; one that is not finite is left out."""
    gradient = {"a": np.array([[3.0, -4.0]], np.float32), "b": np.float32(12.0)}
    optimizers = []
    for clip in (None, 1e-3, 1e6):
        flags = [] if clip is None else [f"--config.train.clip_norm={clip}", "--config.train.max_skipped=5"]
        flags += ["--config.optimizer.name=sgd", "--config.optimizer.learning_rate=1.0"]
        optimizers.append(optimizer_of(*flags))

    @jax.jit
    def compute(gradient, broken):
        found = [f.update(gradient, f.init(gradient), gradient) for f in optimizers]
        return [moved for moved, _ in found], optimizers[-1].update(broken, found[-1][1], gradient)[0]

    (plain, short, long), skipped = compute(gradient, {**gradient, "b": np.float32(np.nan)})
    for name, value in gradient.items():
        np.testing.assert_array_equal(plain[name], -value)
        np.testing.assert_allclose(short[name], -1e-3 / 13 * value, rtol=1e-5)  # 13 is its norm
        np.testing.assert_allclose(long[name], -value)
        np.testing.assert_array_equal(skipped[name], 0 * value)


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (
            "prodigy betas=0.9",
            "has an option of another form than prodigy takes: optax says not enough values to unpack",
        ),
        ("dog init_step=0.5", "has an option of another form than dog takes: optax says not enough values to unpack"),
        ("muon ns_coeffs=1.0", "has an option of another form than muon takes: optax says ns_coeffs must have shape"),
        ("muon preconditioning=x", "has an option of another form than muon takes: optax says Unknown"),
        ("muon beta=1.0", "optimizer.beta is 1.0: expected 0 or more, and less than 1"),
        ("adam eps=0.0", "optimizer.eps is 0.0: expected a number above 0"),
        ("adabelief eps=0.0 eps_root=0.0", "optimizer.eps is 0.0: expected a number above 0"),
        ("adafactor decay_offset=2", "optimizer.decay_offset is 2: expected 0, since the first step"),
        ("radam threshold=2.5", "optimizer.threshold is 2.5: expected a finite number of at least 4"),
        ("prodigy estim_lr0=0", "optimizer.estim_lr0 is 0.0: expected a number above 0"),
        ("sgd nesterov=True", "optimizer.nesterov is True: expected False without a momentum"),
        ("rmsprop nesterov=True momentum=0.0", "set --config.optimizer.momentum=0.9 too"),
    ],
)
def test_what_optax_would_train_to_nan_ignore_or_stop_at_is_refused(flags, message):
    name, *options = flags.split()
    found, _ = refusal(lambda: optimizer_of(*(f"--config.optimizer.{flag}" for flag in (f"name={name}", *options))))
    assert message in found


@pytest.mark.parametrize("flags", ["adabelief eps=0.0", "lars", "sgd nesterov=True momentum=0.9"])
def test_what_optax_can_train_by_is_not(flags):
    name, *options = flags.split()
    optimizer_of(*(f"--config.optimizer.{flag}" for flag in (f"name={name}", *options)))


PARAMS = {
    "encoder": {"params": {"out": {"kernel": jnp.zeros((4, 3)), "bias": jnp.zeros(3)}}},
    "conv": {"kernel": jnp.zeros((3, 3, 1, 2))},
    "codebook": jnp.zeros((5, 2)),
    "log_sigma": jnp.zeros(()),
}


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_every_optimizer_is_carried_through_a_scan_with_a_schedule(name):
    """Its state keeps its shapes and types, and an update those of the parameters."""
    rate = optax.cosine_decay_schedule(1e-3, 10)
    optimizer = call(OPTIMIZERS, section(OPTIMIZERS, name, learning_rate=1e-3), learning_rate=rate)

    def twice(params, gradients):
        def step(carry, _):
            params, state = carry
            updates, state = optimizer.update(gradients, state, params)
            return (optax.apply_updates(params, updates), state), None

        return jax.lax.scan(step, (params, optimizer.init(params)), length=2)[0]

    params, state = jax.eval_shape(twice, PARAMS, PARAMS)
    assert jax.tree.map(jnp.shape, params) == jax.tree.map(jnp.shape, PARAMS)
    assert jax.tree.structure(state) == jax.tree.structure(jax.eval_shape(optimizer.init, PARAMS))


def test_whatever_takes_a_learning_rate_is_named_or_left_out_with_a_reason():
    functions = {**vars(optax), **vars(contrib)}
    is_function = lambda f: inspect.isfunction(f) or isinstance(f, functools.partial)
    public = {name: f for name, f in functions.items() if is_function(f) and name[0] != "_"}
    found = {name for name, f in public.items() if "learning_rate" in inspect.signature(f).parameters}
    assert len(found) > 40
    assert found - set(OPTIMIZERS) == set(LEFT_OUT)
    assert set(OPTIMIZERS) <= found
    assert not any(reason == "" for reason in LEFT_OUT.values())
    own = [inspect.getdoc(OPTIMIZERS[name]) for name in OPTIMIZERS]
    assert inspect.getdoc(functools.partial) not in own  # their first lines are what `make config` prints


def test_muon_gets_the_kernels_of_layers_and_of_convolutions():
    chosen = kernels(PARAMS)
    assert chosen["encoder"]["params"]["out"] == {"kernel": contrib.MuonDimensionNumbers((0,), 1), "bias": None}
    assert chosen["conv"] == {"kernel": contrib.MuonDimensionNumbers((0, 1, 2), 3)}
    assert chosen["codebook"] is None
    assert chosen["log_sigma"] is None


@pytest.mark.parametrize("shape", [(3, 3), (2, 2, 1, 4), (2, 3, 3)], ids=["layer", "convolution", "stack"])
def test_a_kernel_under_muon_moves_by_an_orthogonal_matrix(shape):
    """From inputs to outputs; and a codebook as under Adam: each number as far, however small its gradient."""
    codebook = np.array([[3.0, 0.03], [-3.0, 0.3]], np.float32)
    kernel = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    gradient = {"kernel": kernel, "codebook": codebook}
    optimizer = optimizer_of("--config.optimizer.name=muon", "--config.optimizer.learning_rate=1.0")
    moved = jax.jit(lambda g: optimizer.update(g, optimizer.init(g), g)[0])(gradient)
    stack = (shape[0],) if len(shape) % 2 else ()
    singular = np.linalg.svd(moved["kernel"].reshape(*stack, -1, shape[-1]), compute_uv=False)
    assert singular.min() > 0.5
    assert singular.max() < 1.5
    np.testing.assert_allclose(moved["codebook"] / moved["codebook"][0, 0], np.sign(codebook), rtol=1e-3)


@pytest.mark.parametrize(
    ("flags", "part"),
    [
        (["--config.model.prior.name=mixture", "--config.model.prior.num_components=3"], "prior"),
        (
            [f"--config.model.{flag}" for flag in ("name=vqvae", "patch=4", "num_codes=4", "prior_width=4")]
            + ["--config.objective.name=vq", "--config.model.encoder_hidden=8,", "--config.model.decoder_hidden=8,"],
            "codebook",
        ),
    ],
)
def test_muon_leaves_mixtures_and_codebooks_to_adam(flags, part):
    """A step of either is finite, and what is no layer's kernel moves as under Adam, or not at all."""
    with untried():
        made = configured(*flags, "--config.optimizer.name=muon", "--config.optimizer.learning_rate=0.01")
    start, state, metrics = first_step(made)
    before = start.params
    assert all(leaf is None for leaf in jax.tree.leaves(kernels(before[part]), is_leaf=lambda leaf: leaf is None))
    assert all(np.isfinite(value) for value in metrics.values())
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(state.params))
    moved = np.abs(state.params["encoder"]["params"]["out"]["kernel"] - before["encoder"]["params"]["out"]["kernel"])
    assert moved.max() > 0
