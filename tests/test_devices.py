"""A batch split over the devices of a mesh: the same numbers as on one, and a split that takes place."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.one_step import QUICK, configured, untried
from vaex.errors import OptionError, UsageError
from vaex.evaluate.scores import map_examples
from vaex.runs.devices import over, placed
from vaex.train import train_step

cpus = pytest.mark.skipif(jax.device_count() < 4, reason="needs 4 devices, which XLA makes of a CPU")


def one_step(num_devices):
    """The state after a step on a batch of 16, its metrics, and the compiled program."""
    with untried():
        made = configured()
    with over(num_devices):
        stored, state = placed(jax.tree.map(lambda a: a[:16], made.task.stored)), placed(made.init())
        step = jax.jit(functools.partial(train_step, recipe=made.recipe), compiler_options=QUICK)
        program = step.lower(state, made.task.key, stored).compile()
        return *jax.device_get(program(state, made.task.key, stored)), program.as_text()


@cpus
def test_a_step_is_the_same_on_several_devices():
    """An epoch on two is in test_hosts."""
    (state, metrics, program), (expected, expected_metrics, alone) = one_step(4), one_step(1)
    assert "all-reduce" in program
    assert "all-reduce" not in alone
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-6), state.params, expected.params)
    for name, value in expected_metrics.items():
        np.testing.assert_allclose(metrics[name], value, rtol=1e-6)


@cpus
@pytest.mark.parametrize("batch_size", [8, 3])  # with 20 examples: a rest that is split, and batches that cannot be
def test_examples_are_mapped_the_same_on_several_devices(batch_size):
    x = jnp.arange(20.0)
    f = lambda key, x: {"noise": jax.random.normal(key, (2,)) + x, "x": x}
    measure = jax.jit(lambda x: map_examples(f, jax.random.key(0), x, batch_size=batch_size))
    expected = jax.device_get(measure(x))
    with over(4):
        split = placed(x)
        assert ("sharding_constraint" in str(jax.make_jaxpr(measure)(split))) == (batch_size == 8)
        found = jax.device_get(measure(split))
    np.testing.assert_array_equal(found["x"], np.arange(20.0))
    jax.tree.map(np.testing.assert_array_equal, found, expected)


def test_what_cannot_be_split_is_told():
    with pytest.raises(UsageError, match=f"train.devices is 1000: expected at most {jax.device_count()}, the devices"):
        over(1000)
    with pytest.raises(OptionError, match=r"train.batch_size is 128: expected a multiple of train.devices, 3"):
        configured("--config.train.devices=3")
