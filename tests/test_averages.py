"""Averages of the parameters: evaluated in their place, and training is as it would be without."""

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import optax
import pytest
from optax import contrib

from tests.one_step import configured
from vaex import Model
from vaex.config import override
from vaex.config.optimizer import build_average
from vaex.config.root import ROOT
from vaex.config.section import call
from vaex.errors import OptionError, UsageError
from vaex.models.description import Description, Refit
from vaex.runs.experiments import load_experiment
from vaex.train import Recipe, check_options, init_state, train_step
from vaex.train.averages import average_of, exponential
from vaex.train.refit import refit_prior

KEY, BATCH = jax.random.key(0), jnp.array([1.0, 3.0])
START = {"w": jnp.array(5.0), "count": jnp.array(2)}


def recipe_of(optimizer, average=None):
    """A number that goes to the mean of a batch."""

    def batch_loss(key, model, x, context):
        return jnp.mean((model - x) ** 2), {"elbo": -jnp.mean((model - x) ** 2)}

    return Recipe(lambda params: params["w"], batch_loss, optimizer, lambda key, batch: batch, averaging=average)


def states(recipe, num_steps):
    """The state after each step."""
    step = jax.jit(lambda state: train_step(state, KEY, BATCH, recipe=recipe)[0])
    found = [jax.jit(lambda: init_state({"w": START["w"]}, recipe.optimizer, averaging=recipe.averaging))()]
    for _ in range(num_steps):
        found.append(step(found[-1]))
    return found


def test_an_exponential_average_of_the_parameters_that_training_moves():
    """By its recursion in float64; what the optimizer moves is what it moves without an average."""
    sgd = optax.sgd(0.1)
    average = average_of("sgd", 0.5)
    alone, averaged = states(recipe_of(sgd), 12), states(recipe_of(sgd, average), 12)
    expected = 5.0
    for step, (one, other) in enumerate(zip(alone[1:], averaged[1:], strict=True)):
        decay = min(0.5, (1 + step) / (10 + step))
        expected = decay * expected + (1 - decay) * float(one.params["w"])
        np.testing.assert_array_equal(other.moved["w"], one.params["w"])
        np.testing.assert_allclose(other.params["w"], expected, rtol=1e-6)
    assert alone[-1].moved is None
    assert abs(float(averaged[-1].params["w"]) - float(averaged[-1].moved["w"])) > 0.01


@pytest.mark.parametrize("name", ["schedule_free_adamw", "schedule_free_sgd"])
@pytest.mark.parametrize("wrap", [lambda o: o, lambda o: optax.apply_if_finite(optax.chain(optax.clip(9.0), o), 3)])
def test_schedule_free_is_evaluated_at_its_own_average(name, wrap):
    """As optax computes it, also below clipping and skipping; of sgd of a constant rate it is the mean of all z."""
    inner = getattr(contrib, name)(0.1)
    after = states(recipe_of(wrap(inner), average_of(name, None)), 6)
    is_inner = lambda node: isinstance(node, contrib.ScheduleFreeState)
    leaves = [jax.tree.leaves(state.opt_state, is_leaf=is_inner) for state in after[1:]]
    frees = [next(filter(is_inner, found)) for found in leaves]
    expected = contrib.schedule_free_eval_params(frees[-1], after[-1].moved)
    np.testing.assert_allclose(after[-1].params["w"], expected["w"], rtol=1e-6)
    if name == "schedule_free_sgd":
        np.testing.assert_allclose(after[-1].params["w"], np.mean([free.z["w"] for free in frees]), rtol=1e-5)


def test_whole_numbers_are_not_averaged():
    average = exponential(0.5)
    state = init_state(START, optax.sgd(0.1), averaging=average)
    after = average(START, {"w": jnp.array(1.0), "count": jnp.array(7)}, state.opt_state, jnp.array(0))
    assert int(after["count"]) == 7
    np.testing.assert_allclose(after["w"], 0.1 * 5 + 0.9 * 1, rtol=1e-6)


def test_a_config_says_which():
    made = configured("--config.train.ema=0.99")
    state = jax.eval_shape(made.init)
    assert jax.tree.structure(state.moved) == jax.tree.structure(state.params)
    assert made.recipe.averaging is not None
    assert configured().recipe.averaging is None
    assert configured("--config.optimizer.name=schedule_free_adamw").recipe.averaging is not None


def test_what_cannot_be_averaged_is_refused():
    with pytest.raises(OptionError, match=r"decay is 1\.0: expected a number above 0"):
        average_of("adam", 1.0)
    with pytest.raises(UsageError, match=r"train\.ema is 0\.9: expected none with schedule_free_sgd"):
        configured("--config.optimizer.name=schedule_free_sgd", "--config.train.ema=0.9")
    with pytest.raises(OptionError, match=r"b1 is 0\.0: expected a number above 0"):
        check_options({"name": "schedule_free_sgd", "learning_rate": 0.1, "b1": 0.0})


def test_parameters_that_the_optimizer_does_not_move_are_not_for_schedule_free():
    config = override(load_experiment("mnist_vqvae"), ["--config.optimizer.name=schedule_free_sgd"])
    description = Description(init=lambda key: {}, bind=lambda params: None, statistics=lambda key, params, x: {})
    with pytest.raises(UsageError, match="whose average is of what it moves itself"):
        build_average(config, call(ROOT, config), description)


def test_a_schedule_is_not_warmed_up_twice():
    rate = [
        "--config.train.learning_rate.name=cosine",
        "--config.train.learning_rate.final=1e-4",
        "--config.optimizer.warmup_steps=5",
    ]
    with pytest.raises(UsageError, match=r"optimizer\.warmup_steps is 5.*: expected none with train\.learning_rate"):
        configured("--config.optimizer.name=schedule_free_adamw", *rate)


def test_an_update_that_is_skipped_leaves_the_average():
    recipe = recipe_of(optax.apply_if_finite(optax.sgd(0.1), 3), average_of("sgd", 0.5))._replace(max_skipped=3)
    step = jax.jit(lambda state, batch: train_step(state, KEY, batch, recipe=recipe)[0])
    before = step(init_state({"w": START["w"]}, recipe.optimizer, averaging=recipe.averaging), BATCH)
    after = step(before, BATCH * jnp.nan)
    np.testing.assert_array_equal(after.params["w"], before.params["w"])
    assert float(step(before, BATCH).params["w"]) != float(before.params["w"])


def test_a_prior_is_fitted_in_what_the_optimizer_moves_too():
    normal = dist.Normal(jnp.zeros(1), 1.0).to_event(1)
    refit = Refit("prior", 1, 2, lambda z, seed: {"mean": jnp.float32(7.0)})
    model = Model(normal, lambda x: normal, lambda z: normal)
    made = Description(lambda key: {}, lambda params: model, refit=refit)
    before = refit_prior(made, lambda key, x: x, lambda: np.zeros((4, 1), np.float32), 4, num_epochs=3, seed=0)
    state = init_state({"prior": {"mean": jnp.float32(0.0)}}, optax.sgd(1.0), averaging=exponential(0.9))
    assert before(state, 0) is state
    found = before(state, 1)
    assert found.params["prior"]["mean"] == found.moved["prior"]["mean"] == 7
