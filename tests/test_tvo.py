"""The thermodynamic variational objective against sums over all states of the enumerable model."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.test_exact import SYMBOL, TABLE
from vaex import objectives
from vaex.errors import OptionError
from vaex.evaluate.gradients import gradient_statistics
from vaex.models import exact
from vaex.objectives.thermodynamic import partition

KEY = jax.random.key(0)
NUM_SAMPLES, NUM_KEYS = 1000, 300


@jax.jit
def exact_tvo(params, betas):
    """The left Riemann sum of E_b[log w] over all states, p_b(z) ~ q(z|x)^(1-b) p(x, z)^b."""
    log_q = jax.nn.log_softmax(params["encoder"][SYMBOL])
    log_w = params["decoder"].posterior(SYMBOL).logits - log_q
    means = jax.vmap(lambda b: jnp.sum(jax.nn.softmax(log_q + b * log_w) * log_w))(betas[:-1])
    return jnp.sum(jnp.diff(betas) * means)


def test_the_sum_rises_to_log_px_as_its_partition_is_refined():

    @jax.jit
    def compute():
        values = jnp.stack([exact_tvo(TABLE, partition(n)) for n in (1, 2, 4, 8, 64, 512)])
        return values, exact.table_elbo(TABLE, SYMBOL), TABLE["decoder"].log_px(SYMBOL)

    values, elbo, log_px = map(np.asarray, compute())
    np.testing.assert_allclose(values[0], elbo, rtol=1e-5)
    assert (np.diff(values) > 0).all()
    assert values[-1] < log_px
    np.testing.assert_allclose(values[-1], log_px, atol=0.01 * (log_px - values[0]))


@pytest.mark.parametrize(("n", "first"), [(4, None), (3, 0.1)])
def test_value_and_gradient_are_those_of_the_sum(n, first):
    """Within five standard errors and the bias of self-normalization, a few parts in K."""
    objective = functools.partial(objectives.tvo, num_samples=NUM_SAMPLES, num_partitions=n, first=first)
    betas = partition(n, first)
    model = exact.bind_table(TABLE)

    @jax.jit
    def compute(keys):
        found = gradient_statistics(KEY, objective, TABLE, exact.bind_table, SYMBOL, num_keys=NUM_KEYS).leaves
        values = jax.vmap(lambda k: objective(k, model, SYMBOL).objective)(keys)
        return jax.value_and_grad(exact_tvo)(TABLE, betas), found, values

    (value, gradient), found, values = compute(jax.random.split(KEY, NUM_KEYS))
    for mean, variance, expected in zip(*map(jax.tree.leaves, (found.mean, found.variance, gradient)), strict=True):
        assert (np.abs(mean - expected) <= 5 * np.sqrt(variance / NUM_KEYS) + 5 / NUM_SAMPLES).all()
        assert np.abs(expected).max() > 20 / NUM_SAMPLES or not np.abs(expected).any()
    assert abs(values.mean() - value) <= 5 * values.std() / NUM_KEYS**0.5 + 5 / NUM_SAMPLES


def test_one_step_is_the_elbo_of_the_same_draws():
    model = exact.bind_table(TABLE)
    found = jax.jit(lambda: objectives.tvo(KEY, model, SYMBOL, num_samples=7, num_partitions=1))()
    np.testing.assert_allclose(found.objective, found.elbo, rtol=1e-6)


def test_a_partition_that_cannot_be_is_refused():
    with pytest.raises(OptionError, match="num_partitions is 0: expected a whole number of at least 1"):
        partition(0)
    with pytest.raises(OptionError, match=r"first is 1\.5: expected a number above 0 and below 1"):
        partition(3, 1.5)
    with pytest.raises(OptionError, match="num_partitions is 1: expected at least 2"):
        partition(1, 0.5)
