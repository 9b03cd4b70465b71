"""Monte Carlo EM against EM in closed form."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from tests.models import W
from vaex import Model, OptionError, UsageError, inference
from vaex.inference import em
from vaex.models.exact import DiscreteTable, LinearGaussian, bind_table

KEY = jax.random.key(0)
X = jax.random.normal(KEY, (100, 2)) @ W.T + 0.6 * jax.random.normal(jax.random.key(1), (100, 5))
START = {"weight": 0.5 * jnp.eye(5, 2), "mean": jnp.zeros(5), "log_var": jnp.zeros(1)}
NUM_STEPS, NUM_RUNS = 300, 8


def generator(params):
    return LinearGaussian(params["weight"], params["mean"], jnp.exp(params["log_var"]))


def bind(params):
    made = generator(params)
    return Model(made.prior(), lambda x: made.prior(), made.decode)


def test_it_ends_at_the_answer_of_em_within_its_monte_carlo_error():
    """Of 8 runs the mean of the covariance within 5 standard errors, of log p(x) 0.01 nats below the maximum."""
    rate = optax.cosine_decay_schedule(0.1, NUM_STEPS)
    method = inference.monte_carlo_em(bind, optax.adam(rate), num_leapfrog=4, num_updates=1, step_size=0.3)

    def run(key):
        state, info = inference.iterate(key, method, method.init(key, START, X), num_steps=NUM_STEPS)
        found = generator(state.params)
        return found.covariance(), jnp.mean(jax.vmap(found.log_px)(X)), info.acceptance_rate

    covariance, log_px, accepted = map(np.asarray, jax.jit(jax.vmap(run))(jax.random.split(KEY, NUM_RUNS)))
    exact = em.fit(em.PPCA, generator(START), X, num_steps=200)
    error = covariance.std(axis=0, ddof=1) / NUM_RUNS**0.5
    assert error.max() < 0.1
    assert (np.abs(covariance.mean(axis=0) - exact.model.covariance()) < 5 * error).all()
    below = exact.log_likelihood[-1] - log_px
    assert (below > 0).all()
    assert below.mean() < 0.01
    assert accepted[:, -100:].mean() == pytest.approx(0.9, abs=0.02)


def test_batches_come_in_turn_and_only_their_chains_move():
    """And the updates are of the optimizer alone: what no data pull on decays as the penalty says."""
    start = START | {"unused": jnp.array(2.0)}
    decay = lambda params: params["unused"] ** 2 / 2
    method = inference.monte_carlo_em(bind, optax.sgd(0.1), batch_size=2, num_leapfrog=1, num_updates=3, penalty=decay)
    one_step = jax.jit(method.step)
    states = [jax.jit(lambda: method.init(KEY, start, X[:5]))()]
    for _ in range(3):
        state, info = one_step(KEY, states[-1])
        states.append(state)
    z = np.stack([state.z for state in states])
    assert (z[1:] != z[:-1]).all(axis=2).tolist() == [
        [True, True, False, False, False],
        [False, False, True, True, False],
        [True, False, False, False, True],
    ]
    assert states[1].params["unused"] == pytest.approx(2.0 * 0.9**3)
    z, x, w = z[3, [4, 0]], np.asarray(X)[[4, 0]], jax.tree.map(np.asarray, states[2].params)
    log_pz, log_px = (
        -0.5 * e**2 - 0.5 * np.log(2 * np.pi)
        for e in (z, (x - z @ w["weight"].T - w["mean"]) / np.exp(0.5 * w["log_var"]))
    )
    log_joint = log_pz.sum(1) + log_px.sum(1) - 2.5 * w["log_var"]
    assert info.log_joint == pytest.approx(log_joint.mean(), rel=1e-4)


def test_what_cannot_be_is_refused_in_a_line():
    with pytest.raises(OptionError, match="batch_size is 200: expected at most 100"):
        inference.monte_carlo_em(bind, optax.sgd(0.1), batch_size=200).init(KEY, START, X)
    with pytest.raises(OptionError, match="num_updates is 0"):
        inference.monte_carlo_em(bind, optax.sgd(0.1), num_updates=0)
    table = {"encoder": jnp.zeros((2, 3)), "decoder": DiscreteTable(jnp.zeros(3), jnp.zeros((3, 2)))}
    with pytest.raises(UsageError, match=r"monte_carlo_em moves continuous latents.* use inference.gibbs"):
        inference.monte_carlo_em(bind_table, optax.sgd(0.1)).init(KEY, table, jnp.zeros(4, int))
