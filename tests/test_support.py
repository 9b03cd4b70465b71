"""Where p(z) is 0, and p(x|z) no number, a weight is 0: of draws, of paths and of points of a grid that reach there."""

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import pytest

from vaex import Model, evaluate, inference, objectives
from vaex.distributions.supports import coordinates
from vaex.evaluate.quadrature import log_marginal
from vaex.inference import ais, free_form, smc
from vaex.inference.iterate import iterate

# z of an exponential distribution, and counts of the rate z: p(x) = 2^-(x + 1), which has no rate below 0.
X = jnp.array([3.0])
LOG_PX = -4 * np.log(2)
KEY = jax.random.key(0)
MODEL = Model(
    dist.Exponential(jnp.ones(1)).to_event(1),
    lambda x: dist.Normal(jnp.array([1.0]), 1.0).to_event(1),  # a sixth of it is below 0
    lambda z: dist.Poisson(z).to_event(1),
)


def test_the_average_weight_is_the_evidence():
    """Within 5 standard errors; and nothing is lower than the bound of a q that may be where p(z) is 0."""
    found = jax.jit(lambda key: inference.importance(key, MODEL, X, num_samples=20_000))(KEY)
    weights = np.exp(np.asarray(found.log_w, np.float64))
    assert 0.1 < (weights == 0).mean() < 0.2
    assert abs(weights.mean() - np.exp(LOG_PX)) < 5 * weights.std() / len(weights) ** 0.5
    elbo = jax.jit(lambda key: objectives.iwae(key, MODEL, X, num_samples=100))(KEY).elbo
    assert elbo == -np.inf


def test_of_a_proposal_those_that_cannot_be_are_not_accepted():
    log_bound = 5.0
    found = inference.rejection(KEY, MODEL, X, log_bound=log_bound, num_proposals=20_000)
    rate = np.exp(LOG_PX - log_bound)
    assert abs(found.acceptance_rate - rate) < 5 * (rate / 20_000) ** 0.5
    assert (inference.accepted(found) > 0).all()


def test_paths_from_q_lead_to_the_evidence():
    """Within 5 standard errors of the average weight."""
    schedule = ais.Schedule(jnp.linspace(0.0, 1.0, 21)[1:], jnp.full(20, 0.3), jnp.ones((20, 1)))
    found = jax.jit(lambda key: ais.anneal(key, MODEL, X, schedule=schedule, num_chains=1000))(KEY)
    weights = np.exp(np.asarray(found.log_w, np.float64))
    assert abs(weights.mean() - np.exp(LOG_PX)) < 5 * weights.std() / len(weights) ** 0.5


def test_on_a_grid_that_begins_below_it_the_bound_ends_at_the_evidence():
    method = free_form.free_form(free_form.grid(low=-1.0, high=19.0, num_points=4000), step_size=0.5)
    state, info = jax.jit(lambda: iterate(KEY, method, method.init(None, MODEL, X), num_steps=40))()
    assert jnp.isfinite(info.elbo).all()
    np.testing.assert_allclose(info.elbo[-1], LOG_PX, atol=1e-3)
    assert (jnp.exp(state.log_q[:200]) == 0).all()


@pytest.mark.parametrize("chunk_size", [100, 97])
def test_the_grid_of_quadrature_may_go_beyond(chunk_size):
    x = jnp.arange(6.0)[:, None]
    found = jax.jit(lambda: log_marginal(KEY, MODEL, x, chunk_size=chunk_size))()
    np.testing.assert_allclose(found, -(x[:, 0] + 1) * np.log(2), atol=2e-3)


def test_a_score_of_draws_beyond_it_is_a_number():
    found = jax.jit(lambda key: evaluate.log_likelihood(key, MODEL, X, num_samples=20_000, chunk_size=1000))(KEY)
    np.testing.assert_allclose(found, LOG_PX, atol=0.05)


def test_a_schedule_for_paths_of_which_some_start_beyond_an_edge():
    """Of an example whose q lies below 0 hardly a chain can be: the others' widths, of log z, count."""
    prior = dist.Exponential(jnp.ones(1)).to_event(1)
    model = Model(prior, lambda x: dist.Normal(x - 2, 1.0).to_event(1), MODEL.decode)
    x = jnp.array([[0.0], [3.0], [2.0], [5.0]])
    found = ais.find_schedule(KEY, model, x, num_temperatures=10, num_chains=16, num_leapfrog=2)
    assert (np.asarray(found.variances) > 0.05).all()
    state, info = jax.jit(lambda key: ais.chains(key, model, x[1], schedule=found, num_chains=100, num_leapfrog=2))(KEY)
    assert info.acceptance_rate[state.log_w > -jnp.inf].mean() > 0.5


def test_draws_that_are_rounded_onto_an_edge_have_a_place():
    """Of Gamma(0.1) one in some thousands is 0 in 32 bits, whose logarithm is no number to move from."""
    where = coordinates(dist.Gamma(0.1, 1.0))
    assert where.numbers(jnp.array(0.0)) == -80
    assert where.value(where.numbers(jnp.array(0.0))) > 0
    assert jnp.isnan(where.numbers(jnp.array(-1.0)))
    assert coordinates(dist.Uniform(100.0, 100.001)).numbers(jnp.array(100.0)) == -80


@pytest.mark.parametrize("first", [0.1, 0.5])
def test_where_no_particle_and_no_chain_can_be_the_estimate_says_so(first):
    """Of x ~ U(z - 0.1, z + 0.1) far from all draws of z: a weight of 0 each, which is no certainty."""
    prior = dist.Normal(jnp.zeros(1), 1.0).to_event(1)
    model = Model(prior, lambda x: prior, lambda z: dist.Uniform(z - 0.1, z + 0.1).to_event(1))
    temperatures, one = jnp.array([first, 1.0]), jnp.ones((2, 1))
    paths = ais.Schedule(temperatures, jnp.full(2, 0.3), one)
    runs = {
        "ais": lambda: ais.anneal(KEY, model, X + 3, schedule=paths, num_chains=16, start="prior"),
        "smc": lambda: smc.anneal(KEY, model, X + 3, schedule=smc.Schedule(temperatures, one), num_particles=20),
        "importance": lambda: inference.importance(KEY, model, X + 3, num_samples=16),
    }
    found = jax.jit(lambda: evaluate.estimate_log_likelihood(KEY, model, X + 3, num_samples=16, chunk_size=8))()
    assert tuple(map(float, found)) == (-np.inf, np.inf)
    for name, run in runs.items():
        found = jax.jit(
            lambda run=run: (lambda w: (w.log_likelihood, w.standard_error, w.effective_sample_size))(run())
        )
        assert tuple(map(float, found())) == (-np.inf, np.inf, 0.0), name


def test_an_evidence_of_zero_stays_so_where_particles_find_a_way():
    """At the first temperature none of two can be; by the moves at the second all can."""
    prior = dist.Normal(jnp.zeros(1), 1.0).to_event(1)
    model = Model(prior, lambda x: prior, lambda z: dist.Uniform(z - 1.0, z + 1.0).to_event(1))
    schedule = smc.Schedule(jnp.array([0.1, 0.2, 1.0]), jnp.ones((3, 1)))
    method = smc.smc(schedule, num_particles=2, moves=smc.Moves(num_moves=10, num_leapfrog=5))

    def run(key):
        start, *keys = jax.random.split(key, 4)
        state, infos = method.init(start, model, X - 0.5), []
        for key in keys:
            state, info = method.step(key, state)
            infos.append(info.log_increment)
        return jnp.stack(infos), state.log_likelihood, state.squared_error

    increments, log_likelihood, error = map(np.asarray, jax.jit(jax.vmap(run))(jax.random.split(KEY, 200)))
    out = np.isneginf(increments)
    assert not np.isnan(increments).any()
    assert (out[:, 0] & ~out[:, 2]).any()
    np.testing.assert_array_equal(np.isneginf(log_likelihood), out.any(axis=1))
    np.testing.assert_array_equal(np.isposinf(error), out.any(axis=1))
