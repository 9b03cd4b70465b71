"""Wake-sleep and reweighted wake-sleep against sums over all states, dreams and tuples of draws."""

import functools
import itertools
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.models import normal
from tests.test_estimators import assert_same_mean, gradients
from tests.test_exact import STATES, SYMBOL, TABLE, VALUES
from vaex import Model, objectives
from vaex.errors import UsageError
from vaex.models import exact

KEY = jax.random.key(0)
PHASES = {f"{k} draws": functools.partial(objectives.reweighted_wake_sleep, num_samples=k) for k in (1, 2, 3, 16)} | {
    name: functools.partial(objectives.reweighted_wake_sleep, num_samples=2, recognition=name)
    for name in ("sleep", "both")
}


def log_joint(params):
    """Log p(x, z) of every state and value."""
    table = params["decoder"]
    return jax.nn.log_softmax(table.prior_logits)[:, None] + jax.nn.log_softmax(table.likelihood_logits)


def log_q(params):
    return jax.nn.log_softmax(params["encoder"]).T  # [z, x]


def along(weights, of):
    """The gradient of sum_z weights_z of(params)_z."""
    return jax.grad(lambda params: jnp.sum(weights * of(params)))(TABLE)


def sleep():
    """Sum over all x' and z' of p(x', z') d log q(z'|x')."""
    return along(jnp.exp(log_joint(TABLE)), log_q)["encoder"]


def mean_shares(num_samples):
    """E[sum_k v_k [z_k = s]] of each state s: over all K-tuples of states, told apart by how many of each there are."""
    q = np.exp(np.asarray(log_q(TABLE), np.float64))[:, int(SYMBOL)]
    w = np.exp(np.asarray(log_joint(TABLE), np.float64))[:, int(SYMBOL)] / q
    total = np.zeros(STATES)
    for counts in itertools.product(range(num_samples + 1), repeat=STATES):
        if sum(counts) == num_samples:
            ways = math.factorial(num_samples) / math.prod(map(math.factorial, counts))
            shares = np.array(counts) * w / np.dot(counts, w)
            total += ways * np.prod(q ** np.array(counts)) * shares
    return total


def of_symbol(shares):
    return jnp.zeros((STATES, VALUES)).at[:, SYMBOL].set(jnp.asarray(shares, jnp.float32))


@pytest.fixture(scope="module")
def found():
    return gradients(PHASES | {"wake-sleep": objectives.wake_sleep}, TABLE, exact.bind_table, SYMBOL)


def test_wake_and_sleep_are_unbiased(found):
    """Against E_q[d log p(x, z)] and E_p[d log q(z'|x')] over all states, within 5 standard errors of 20,000."""
    q = jnp.exp(log_q(TABLE))[:, SYMBOL]
    expected = {"encoder": sleep(), "decoder": along(of_symbol(q), log_joint)["decoder"]}
    assert_same_mean(found["wake-sleep"], expected)


@pytest.mark.parametrize("num_samples", [1, 2, 3, 16])
def test_reweighted_phases_have_their_expectations_over_all_tuples(num_samples, found):
    """Both updates, whatever their bias, within 5 standard errors of 20,000 gradients."""
    shares = of_symbol(mean_shares(num_samples))
    expected = {"encoder": along(shares, log_q)["encoder"], "decoder": along(shares, log_joint)["decoder"]}
    assert_same_mean(found[f"{num_samples} draws"], expected)


def test_the_phase_of_the_recognition_model_is_chosen(found):
    """Sleep is unbiased, both are the mean of the two, and the generator's update is that of wake in each."""
    shares = of_symbol(mean_shares(2))
    wake, decoder = along(shares, log_q)["encoder"], along(shares, log_joint)["decoder"]
    assert_same_mean(found["sleep"], {"encoder": sleep(), "decoder": decoder})
    assert_same_mean(found["both"], {"encoder": 0.5 * (wake + sleep()), "decoder": decoder})


def test_their_values_are_the_bounds():
    """From the same draws: reweighted wake-sleep is iwae's, and wake-sleep's elbo and objective are one."""
    model = exact.bind_table(TABLE)

    @jax.jit
    def values(key):
        plain, weighted = objectives.wake_sleep(key, model, SYMBOL, num_samples=3), PHASES["3 draws"]
        return plain, weighted(key, model, SYMBOL).objective, objectives.vimco(key, model, SYMBOL, num_samples=3)

    plain, weighted, vimco = values(KEY)
    np.testing.assert_allclose(plain.objective, plain.elbo, rtol=1e-6)
    np.testing.assert_allclose(weighted, vimco.objective, rtol=1e-6)


def test_another_phase_is_refused():
    with pytest.raises(UsageError, match='recognition is \'dream\': expected "wake", "sleep" or "both"'):
        objectives.reweighted_wake_sleep(KEY, exact.bind_table(TABLE), SYMBOL, recognition="dream")


def test_a_dream_teaches_the_recognition_model_alone():
    """The slope of a learned prior is that of the wake phase."""
    made = lambda mean: Model(normal(mean * jnp.ones(1)), lambda x: normal(x / 2), normal)
    key, x = jax.random.key(0), jnp.array([0.7])

    @jax.jit
    def compute(key):
        slope = jax.grad(lambda mean: objectives.wake_sleep(key, made(mean), x).objective)(0.3)
        return slope, made(0.3).encode(x).sample(jax.random.split(key)[0], (1,))

    slope, z = compute(key)
    np.testing.assert_allclose(slope, z[0, 0] - 0.3, rtol=1e-5)
