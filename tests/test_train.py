"""The train step, the epoch, and the loop around them."""

import concurrent.futures
import functools
import math
import os
import signal

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from tests.models import small_vae
from vaex import objectives
from vaex.data.preprocess import binarize_dynamic
from vaex.errors import UsageError
from vaex.train import Recipe, TrainState, init_state, train_epoch, train_step
from vaex.train.averages import exponential
from vaex.train.loop import Loop, Plan, Progress, account, fit
from vaex.train.step import epoch_order

KEY = jax.random.key(1)
VAE = small_vae(x_dim=6)
OPTIMIZER = optax.adam(1e-2)
IMAGES = jnp.asarray(np.random.default_rng(0).integers(0, 256, (40, 2, 3, 1)), jnp.uint8)


def flat_binarize(key, images):
    return binarize_dynamic(key, images).reshape(*images.shape[:-3], -1)


RECIPE = Recipe(VAE.bind, objectives.batch_loss(objectives.elbo), OPTIMIZER, flat_binarize)


@jax.jit
def start():
    return init_state(VAE.init(jax.random.key(0)), OPTIMIZER)


STEP = jax.jit(functools.partial(train_step, recipe=RECIPE))
EPOCH = jax.jit(functools.partial(train_epoch, recipe=RECIPE, batch_size=8))


def assert_trees_equal(a, b):
    jax.tree.map(np.testing.assert_array_equal, a, b)


def test_a_step_is_the_optimizers_update_of_the_losss_gradient():
    state, key = start(), jax.random.key(1)
    after, metrics = STEP(state, key, IMAGES[:8])

    @jax.jit
    @jax.value_and_grad
    def loss(params):
        data_key, noise_key = jax.random.split(jax.random.fold_in(key, 0))
        model, x, keys = VAE.bind(params), flat_binarize(data_key, IMAGES[:8]), jax.random.split(noise_key, 8)
        each = jax.lax.map(lambda given: objectives.elbo(given[0], model, given[1]).elbo, (keys, x))  # one by one
        return -np.float32(1 / 8) * jnp.sum(each)

    value, grads = loss(state.params)
    np.testing.assert_allclose(metrics["loss"], value, rtol=1e-5)
    # Adam's first step is the learning rate times the sign of the gradient, but for eps.
    moved = jax.tree.map(lambda p, q: np.asarray(q) - np.asarray(p), state.params, after.params)
    expected = jax.tree.map(lambda g: -1e-2 * np.asarray(g) / (np.abs(g) + 1e-8), grads)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=2e-3, atol=2e-5), moved, expected)
    assert after.step == 1


def test_golden_values_of_one_step():
    """Printed once, on a CPU with jax 0.10.2: a change here is a change of every run's numbers."""
    _, metrics = STEP(start(), jax.random.key(1), IMAGES[:8])
    np.testing.assert_allclose([metrics[name] for name in ("loss", "elbo", "log_px_z", "kl")], GOLDEN, rtol=1e-4)


GOLDEN = [4.775078, -4.775078, -4.466997, 0.308080]


def test_an_epoch_is_its_steps_in_an_order_without_repeats():
    """A recipe that records what it sees: the parameters become a count of each image's visits."""

    def count_loss(key, model, batch, context):
        return -jnp.sum(model * jax.nn.one_hot(batch, 40)), {"elbo": jnp.zeros(())}

    recipe = Recipe(lambda p: p, count_loss, optax.sgd(1.0), lambda key, batch: batch)
    state = init_state(jnp.zeros(40), recipe.optimizer)
    epoch = jax.jit(functools.partial(train_epoch, recipe=recipe, batch_size=12))
    after, _, first_bad = epoch(state, jax.random.key(0), jnp.arange(40))
    assert sorted(np.asarray(after.params).tolist()) == [0.0] * 4 + [1.0] * 36
    assert after.step == 3
    assert first_bad == -1
    again, _, _ = epoch(after, jax.random.key(0), jnp.arange(40))
    left_out = lambda state, before: set(np.flatnonzero(np.asarray(state.params) == np.asarray(before)).tolist())
    assert left_out(after, jnp.zeros(40)) != left_out(again, after.params)  # another epoch, another order


@pytest.mark.exact
@pytest.mark.parametrize("num_examples", [7, 70_000])
def test_the_order_of_an_epoch_is_the_same_in_both_precisions(num_examples):
    def order(in_double):
        with jax.enable_x64(in_double):
            return np.asarray(epoch_order(jax.random.key(3), jnp.array(2, jnp.int32), num_examples))

    np.testing.assert_array_equal(order(False), order(True))
    assert sorted(order(True)) == list(range(num_examples))


def test_an_epoch_compiles_once_and_its_state_is_donated():
    traces = []

    def counted(*args, **kwargs):
        traces.append(1)
        return train_epoch(*args, **kwargs)

    epoch = jax.jit(functools.partial(counted, recipe=RECIPE, batch_size=8), donate_argnums=0)
    state = before = start()
    for _ in range(3):
        state, _, _ = epoch(state, jax.random.key(0), IMAGES)
    assert len(traces) == 1
    assert all(leaf.is_deleted() for leaf in jax.tree.leaves(before.params))


def test_a_donated_state_leaves_the_callers_parameters_and_data_may_be_numpys():
    params = VAE.init(jax.random.key(0))
    state = init_state(params, OPTIMIZER)
    epoch = jax.jit(functools.partial(train_epoch, recipe=RECIPE, batch_size=8), donate_argnums=0)
    expected, _, _ = epoch(state, jax.random.key(0), IMAGES)
    assert not any(leaf.is_deleted() for leaf in jax.tree.leaves(params))
    averaged = functools.partial(train_epoch, recipe=RECIPE._replace(averaging=exponential(0.9)), batch_size=8)
    beside = init_state(params, OPTIMIZER, averaging=exponential(0.9))
    jax.jit(averaged, donate_argnums=0)(beside, jax.random.key(0), IMAGES)  # which may not be given a buffer twice
    found = jax.jit(lambda: train_epoch(start(), jax.random.key(0), np.asarray(IMAGES), recipe=RECIPE, batch_size=8))()
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5), found[0].params, expected.params)


def test_an_optimizer_that_skips_nothing_is_told():
    with pytest.raises(
        UsageError, match=r"max_skipped is 3, of an optimizer that skips no updates: optax.apply_if_fin"
    ):
        jax.eval_shape(functools.partial(train_step, recipe=RECIPE._replace(max_skipped=3)), start(), KEY, IMAGES[:8])


def test_a_run_is_a_function_of_its_key():
    one, again, other = (EPOCH(start(), jax.random.key(i), IMAGES)[0] for i in (0, 0, 1))
    assert_trees_equal(one, again)
    assert any(
        np.any(np.asarray(a) != b)
        for a, b in zip(jax.tree.leaves(one.params), jax.tree.leaves(other.params), strict=True)
    )


@pytest.mark.exact
def test_training_raises_the_bound():
    state, first, _ = EPOCH(start(), jax.random.key(0), IMAGES)
    for _ in range(60):
        state, last, _ = EPOCH(state, jax.random.key(0), IMAGES)
    assert last["elbo"] > first["elbo"] + 0.2


def test_the_first_step_with_a_loss_that_is_not_finite_is_named():
    def fails_at_three(key, model, batch, context):
        return jnp.where(model > 2.5, jnp.nan, -model), {"elbo": model}

    recipe = Recipe(lambda p: p, fails_at_three, optax.sgd(1.0), lambda key, batch: batch)
    state = init_state(jnp.array(0.0), recipe.optimizer)
    epoch = jax.jit(functools.partial(train_epoch, recipe=recipe, batch_size=8))
    _, _, first_bad = epoch(state, jax.random.key(0), jnp.arange(40))
    assert first_bad == 3


class Recorder:
    """A loop whose epochs take no time: the state counts the epochs, its validation ELBOs are given."""

    metric = "elbo"

    def __init__(self, elbos, *, bad_epoch=None, signal_at=None):
        self.saved, self.rows, self.elbos = [], [], elbos
        self.bad_epoch, self.signal_at = bad_epoch, signal_at
        self.drawn = []
        last_good = lambda: "last good checkpoint: here"
        self.loop = Loop(self.run, self.validate, self.save, self.rows.append, self.draw, last_good)

    def run(self, state, epoch):
        assert state.step == epoch
        state = state._replace(step=state.step + 1)
        if state.step == self.signal_at:
            os.kill(os.getpid(), signal.SIGTERM)
        return state, {"loss": np.array(0.0)}, np.array(25 if state.step == self.bad_epoch else -1)

    def validate(self, params):
        return {self.metric: self.elbos[len([s for s in self.saved if s[2] is not None])]}

    def save(self, state, progress, elbo):
        self.saved.append((state.step, progress, elbo))

    def draw(self, row):
        self.drawn.append((row["epoch"], len(self.rows), len(self.saved)))


def run_fit(recorder, **options):
    options = {"num_epochs": 6, "num_steps": 10, "eval_every": 1, "patience": 0, "select": "elbo"} | options
    return fit(TrainState(None, None, 0, None), Progress(), recorder.loop, Plan(**options))


@pytest.fixture(autouse=True)
def _no_device_sync(monkeypatch):
    monkeypatch.setattr(jax, "block_until_ready", lambda x: x)


def test_early_stopping_counts_validations_without_a_better_elbo():
    recorder = Recorder([-3.0, -1.0, -2.0, -1.5, -9.0, -9.0])
    _, progress, ending = run_fit(recorder, patience=2)
    assert (ending, progress.epoch, progress.best, progress.stale) == ("stopped early", 4, -1.0, 2)


def test_without_patience_it_goes_to_the_end():
    _, progress, ending = run_fit(Recorder([-1.0] + [-2.0] * 5))
    assert (ending, progress.epoch) == ("finished", 6)


def test_validation_every_so_many_epochs_and_at_the_end():
    recorder = Recorder([-3.0, -2.0, -1.0])
    run_fit(recorder, num_epochs=5, eval_every=2)
    assert [saved[0] for saved in recorder.saved] == [2, 4, 5]
    assert ["validation_elbo" in row for row in recorder.rows] == [False, True, False, True, True]
    assert recorder.drawn == [(1, 1, 0), (2, 2, 1), (3, 3, 1), (4, 4, 2), (5, 5, 3)]  # of what was saved before


def test_sigterm_writes_a_checkpoint_and_ends():
    recorder = Recorder([-1.0] * 6, signal_at=3)
    before = signal.getsignal(signal.SIGTERM)
    _, progress, ending = run_fit(recorder, eval_every=2)
    assert (ending, progress.epoch) == ("interrupted", 3)
    assert [(saved[0], saved[2]) for saved in recorder.saved] == [(2, -1.0), (3, None)]
    assert signal.getsignal(signal.SIGTERM) is before


def test_an_interrupt_in_the_last_epoch_is_not_swallowed():
    """It ends the run before its evaluation."""
    recorder = Recorder([-1.0] * 6, signal_at=6)
    _, progress, ending = run_fit(recorder)
    assert (ending, progress.epoch, len(recorder.rows)) == ("interrupted", 6, 6)


def test_a_row_is_written_before_its_checkpoint():
    """So that whatever fails between the two, no checkpoint is without its row."""
    recorder = Recorder([-1.0] * 6)
    recorder.save = lambda state, progress, elbo: recorder.saved.append((len(recorder.rows), progress, elbo))
    run_fit(recorder)
    assert [rows for rows, _, _ in recorder.saved] == [1, 2, 3, 4, 5, 6]


def test_a_run_trains_from_any_thread():
    """Where signals cannot be noted."""
    with concurrent.futures.ThreadPoolExecutor() as pool:
        _, progress, ending = pool.submit(run_fit, Recorder([-1.0] * 6)).result()
    assert (ending, progress.epoch) == ("finished", 6)


def test_the_metric_that_selects_is_one_that_is_measured_and_errors_are_to_fall():
    recorder = Recorder([3.0, 1.0, 2.0, 1.5])
    recorder.metric = "reconstruction_error"
    _, progress, _ = run_fit(recorder, num_epochs=4, select="reconstruction_error")
    assert [saved[2] for saved in recorder.saved] == [-3.0, -1.0, -2.0, -1.5]
    assert progress.best == -1.0
    with pytest.raises(UsageError, match=r"train\.select is 'bound': expected one of elbo"):
        run_fit(Recorder([-1.0]), select="bound")


def test_a_loss_that_is_not_finite_ends_the_run_with_the_steps_and_the_checkpoint():
    with pytest.raises(UsageError, match=r"step 26 \(steps 21 to 30, epoch 3\); last good checkpoint: here; lower"):
        run_fit(Recorder([-1.0] * 6, bad_epoch=3))


@pytest.mark.parametrize(
    ("first_bad", "cure"),
    [(0, "no step was made before it: look"), (1, "lower .*extreme options of the optimizer"), (50, "lower .* data$")],
)
def test_what_to_look_for_depends_on_when_a_loss_is_not_finite(first_bad, cure):
    plan = Plan(num_epochs=9, num_steps=100, eval_every=1, patience=0, select="elbo")
    with pytest.raises(UsageError, match=rf"at step {first_bad + 1} .*none; {cure}"):
        account(Progress(), plan, {}, first_bad, dict, lambda: "none")


def test_a_validation_that_is_not_finite_ends_the_run_unsaved():
    recorder = Recorder([-1.0, math.nan])
    with pytest.raises(UsageError, match=r"validation elbo became non-finite \(steps 11 to 20, epoch 2\)"):
        run_fit(recorder)
    assert [saved[0] for saved in recorder.saved] == [1]


def poisoned(**options):
    """A recipe that adds each image to the parameters' gradient: an image of 1e30 makes it infinite, one of nan nan."""

    def loss(key, model, batch, context):
        value = jnp.sum(model * jnp.exp(jnp.where(batch > 1e20, jnp.inf, 0.0)) * batch)
        return value, {"elbo": -value}

    return Recipe(**{"bind": lambda p: p, "batch_loss": loss, "preprocess": lambda key, batch: batch} | options)


def test_a_non_finite_gradient_leaves_the_parameters_and_the_run_goes_on():
    optimizer = optax.apply_if_finite(optax.sgd(1.0), 2)
    recipe, start = poisoned(optimizer=optimizer, max_skipped=2), init_state(jnp.zeros(()), optimizer)
    images = jnp.array([3.0, 1e30, 5.0, jnp.nan])
    step = jax.jit(functools.partial(train_step, recipe=recipe))
    one, metrics = step(start, jax.random.key(0), images[:1])
    assert (one.params, bool(metrics["skipped"])) == (-3.0, False)
    for bad in (images[1:2], images[3:4]):
        after, metrics = step(one, jax.random.key(0), bad)
        assert (after.params, after.average, bool(metrics["skipped"])) == (-3.0, one.average, True)
    after, metrics, first_bad = train_epoch(start, jax.random.key(0), images, recipe=recipe, batch_size=1)
    assert (after.params, int(first_bad), int(metrics["skipped"])) == (-8.0, -1, 2)
    assert np.isfinite(metrics["loss"])


def test_the_average_of_the_bound_begins_with_the_first_update_that_is_made():
    optimizer = optax.apply_if_finite(optax.sgd(1.0), 2)
    recipe, start = poisoned(optimizer=optimizer, max_skipped=2), init_state(jnp.float32(2.0), optimizer)
    step = jax.jit(functools.partial(train_step, recipe=recipe))
    skipped, _ = step(start, jax.random.key(0), jnp.array([1e30]))
    assert (skipped.average, skipped.step) == (0, 1)
    after, metrics = step(skipped, jax.random.key(0), jnp.array([3.0]))
    assert after.average == metrics["elbo"] == -6


def test_a_skipped_step_moves_no_statistic_either():
    optimizer = optax.apply_if_finite(optax.sgd(1.0), 2)
    recipe = poisoned(optimizer=optimizer, max_skipped=2, bind=lambda p: p["w"])
    recipe = recipe._replace(statistics=lambda key, params, batch: {"count": params["count"] + 1})
    state = init_state({"w": jnp.zeros(()), "count": jnp.zeros(())}, optimizer)
    images = jnp.array([3.0, 1e30, 5.0, jnp.nan])
    state, _, _ = train_epoch(state, jax.random.key(0), images, recipe=recipe, batch_size=1)
    assert (state.params["w"], state.params["count"]) == (-8.0, 2.0)


def test_more_non_finite_gradients_in_a_row_than_may_be_skipped_end_the_run():
    optimizer = optax.apply_if_finite(optax.sgd(1.0), 2)
    recipe, start = poisoned(optimizer=optimizer, max_skipped=2), init_state(jnp.zeros(()), optimizer)
    _, metrics, first_bad = train_epoch(start, jax.random.key(0), jnp.full(5, jnp.nan), recipe=recipe, batch_size=1)
    assert (int(first_bad), int(metrics["skipped"])) == (2, 2)


def test_an_equal_validation_is_no_better_one():
    _, progress, ending = run_fit(Recorder([-3.0, *[-1.0] * 5]), patience=2)
    assert (ending, progress.epoch) == ("stopped early", 4)
