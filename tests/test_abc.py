"""Approximate Bayesian computation against quadrature, at several tolerances."""

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import pytest
import scipy.stats

from vaex import Model, UsageError
from vaex.inference import abc, abc_smc
from vaex.models import exact

KEY = jax.random.key(0)
X, SIGMA = 1.2, 0.5
PRIOR = dist.Normal(jnp.zeros(1), 1.0).to_event(1)
MODEL = Model(PRIOR, lambda x: PRIOR, lambda z: dist.Normal(z, SIGMA).to_event(1))
GRID = np.linspace(-5, 5, 20_001)


def cumulative(tolerance, low=-np.inf):
    """The distribution function of p(z) P(|x' - x| <= tolerance|z) on a grid, of z above low; of p(z|x) at 0."""
    noise = scipy.stats.norm(GRID, SIGMA)
    within = noise.cdf(X + tolerance) - noise.cdf(X - tolerance) if tolerance else noise.pdf(X)
    total = np.cumsum(scipy.stats.norm.pdf(GRID) * within * (low < GRID))
    return lambda z: np.interp(z, GRID, total / total[-1])


@jax.jit
def reject(tolerance):
    return abc.rejection(KEY, abc.simulator(MODEL), jnp.array([X]), tolerance=tolerance, num_proposals=20_000)


def test_as_the_tolerance_falls_the_kept_draws_come_to_the_posterior():
    """By KS at each tolerance its own density, and a distance to the exact posterior that falls."""
    distances = []
    for tolerance in (2.0, 0.8, 0.1):
        z = np.asarray(abc.accepted(reject(tolerance)))[:, 0]
        assert scipy.stats.kstest(z, cumulative(tolerance)).pvalue > 1e-3
        distances.append(scipy.stats.kstest(z, cumulative(0)).statistic)
    assert distances[0] > 2 * distances[1] > 4 * distances[2]
    with pytest.raises(UsageError, match=r"tolerance is 0, and the smallest of 20000 distances is .*raise it"):
        abc.accepted(reject(0.0))


def test_a_population_comes_to_a_small_tolerance():
    """By KS at a tolerance that 1 in 15 draws from the prior meets; the particles share ancestors, so a fifth count."""
    run = lambda key, steps: abc_smc.anneal(
        key, abc.simulator(MODEL), jnp.array([X]), tolerance=0.1, num_steps=steps, num_particles=2000, num_moves=8
    )
    found = jax.jit(run, static_argnums=1)(KEY, 6)
    z = np.asarray(abc.accepted(found))[:, 0]
    assert len(z) == 2000
    statistic = scipy.stats.kstest(z, cumulative(0.1)).statistic
    assert scipy.stats.kstwobign.sf(statistic * np.sqrt(400)) > 1e-3
    assert scipy.stats.kstest(z, cumulative(0.8)).statistic > 2 * statistic


def test_a_population_in_a_small_unit_of_a_simulator_that_fails_for_most_of_the_prior():
    """Nan for z < 0.5, 69% of the prior: the rest by KS, of particles most of which are not copies."""
    unit = 1e-5
    simulate = lambda key, z: jnp.where(z < 0.5 * unit, jnp.nan, MODEL.decode(z / unit).sample(key))
    made = abc.Simulator(dist.Normal(jnp.zeros(1), unit).to_event(1), simulate)
    run = lambda key: abc_smc.anneal(key, made, jnp.array([X]), tolerance=0.1, num_steps=7, num_particles=500)
    z = np.asarray(abc.accepted(jax.jit(run)(KEY)))[:, 0] / unit
    assert len(z) == 500
    assert len(np.unique(z)) > 300
    statistic = scipy.stats.kstest(z, cumulative(0.1, low=0.5)).statistic
    assert scipy.stats.kstwobign.sf(statistic * np.sqrt(100)) > 1e-3


@pytest.mark.parametrize("dtype", [np.uint8, np.int8, bool, np.float32])
def test_the_distance_of_stored_numbers_is_that_of_real_ones(dtype):
    one, other = np.array([[0, 1, 1], [1, 1, 0]], dtype)
    assert abc.euclidean(one, {"x": other}) == pytest.approx(np.sqrt(2))
    assert abc.euclidean(one, one) == 0
    assert np.isnan(abc.euclidean(one, np.full(3, np.nan)))
    np.testing.assert_array_equal(jax.grad(abc.euclidean)(jnp.ones(3), jnp.ones(3)), 0.0)


def test_what_cannot_be_is_refused():
    generator = exact.DiscreteTable(jnp.zeros(3), jnp.zeros((3, 2)))
    table = abc.simulator(exact.bind_table({"encoder": jnp.zeros((2, 3)), "decoder": generator}))
    with pytest.raises(UsageError, match=r"abc_smc moves continuous latents"):
        abc_smc.smc(tolerance=0.1).init(KEY, table, jnp.array(0))


def test_the_share_of_particles_within_the_next_tolerance():
    method = abc_smc.smc(tolerance=0.0, num_particles=100, num_moves=1, share=0.8)

    @jax.jit
    def run(key):
        state = method.init(key, abc.simulator(MODEL), jnp.array([X]))
        return state.simulated.distance, method.step(key, state)[1].tolerance

    distance, tolerance = run(jax.random.key(0))
    assert (np.asarray(distance) <= tolerance).mean() == pytest.approx(0.8)
