"""Sequential Monte Carlo against exact evidences and posteriors."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.stats

from tests.models import W, normal
from vaex import Model, OptionError
from vaex.inference import smc
from vaex.models import exact

KEY = jax.random.key(0)
X = jnp.array([0.5, -1.0, 0.3, 1.2, -0.4])
LINEAR = exact.LinearGaussian(W, jnp.zeros(5), jnp.array([0.36]))
TABLE = exact.DiscreteTable(jnp.array([0.3, -0.2, 0.5]), jnp.array([[0.0, 3.0], [0.5, -2.0], [3.0, 0.1]]))
PRIOR = exact.bind_table({"encoder": jnp.zeros((2, 3)), "decoder": TABLE})
MOVES = smc.Moves(num_moves=2, num_leapfrog=3)
CASES = {  # model, x, its schedule
    "linear": (
        Model(LINEAR.prior(), lambda x: LINEAR.prior(), LINEAR.decode),
        X,
        smc.Schedule(jnp.array([0.05, 0.3, 1.0]), jnp.array([[1.0, 1.0], [0.5, 0.5], [0.2, 0.2]])),
    ),
    "table": (PRIOR, jnp.array(1), smc.Schedule(jnp.array([0.3, 1.0]), jnp.ones((2, 1)))),
}


@pytest.mark.parametrize("name", CASES)
def test_with_a_fixed_schedule_the_evidence_is_unbiased_and_the_draws_are_from_the_posterior(name):
    """Of 1,000 runs of 16 particles the mean of p(x)'s estimates, and of p(x) E[z|x]'s, within 5 standard errors."""
    model, x, schedule = CASES[name]
    run = lambda key: smc.anneal(key, model, x, schedule=schedule, num_particles=16, moves=MOVES)
    read = lambda draws: (draws.log_likelihood, draws.mean(draws.z.astype(jnp.float32)))
    generator = {"linear": LINEAR, "table": TABLE}[name]

    @jax.jit
    def compute(keys):
        q = generator.posterior(x)
        exact_mean = q.mean if name == "linear" else q.probs @ jnp.arange(3.0)
        return jax.vmap(lambda key: read(run(key)))(keys), (generator.log_px(x), exact_mean)

    (found, means), (log_px, mean) = compute(jax.random.split(KEY, 1000))
    ratio = np.exp(np.float64(found) - float(log_px))
    assert abs(ratio.mean() - 1) < 5 * ratio.std() / np.sqrt(1000)
    assert ratio.std() > 0.05
    weighed = (ratio * np.asarray(means, np.float64).T).T
    assert (np.abs(weighed.mean(0) - mean) < 5 * weighed.std(0) / np.sqrt(1000)).all()


def test_the_standard_error_is_of_all_temperatures():
    """Of 300 runs, as their deviation: it takes particles for independent, and the logarithm for linear."""
    generator = exact.LinearGaussian(jnp.eye(2), jnp.zeros(2), jnp.array([0.01]))
    model = Model(generator.prior(), lambda x: generator.prior(), generator.decode)
    temperatures = jnp.geomspace(0.01, 1.0, 6)
    schedule = smc.Schedule(temperatures, jnp.stack([1 / (1 + temperatures / 0.01)] * 2, axis=1))
    run = lambda key: smc.anneal(key, model, jnp.array([1.0, -1.0]), schedule=schedule, num_particles=100, moves=MOVES)
    found = jax.jit(jax.vmap(lambda key: (lambda w: (w.log_likelihood, w.standard_error))(run(key))))
    log_px, errors = map(np.asarray, found(jax.random.split(KEY, 300)))
    assert 0.75 < np.sqrt(np.mean(errors**2)) / log_px.std() < 1.25


def log_z(t):
    """Log of the integral of p(z) p(x|z)^t over z, of the linear-Gaussian model."""
    w, x = np.asarray(W, np.float64), np.asarray(X, np.float64)
    constant = 2.5 * np.log(2 * np.pi * 0.36 / t) - t * 2.5 * np.log(2 * np.pi * 0.36)
    return scipy.stats.multivariate_normal(np.zeros(5), w @ w.T + 0.36 / t * np.eye(5)).logpdf(x) + constant


def test_a_pilot_finds_temperatures_that_keep_half_of_the_particles():
    """ESS / N = Z(t')^2 / (Z(t) Z(2 t' - t)) between two of them, 1/2 up to the noise of 1,000; the last rises to 1."""
    model, x, _ = CASES["linear"]
    found = smc.find_schedule(KEY, model, x, num_particles=1000, moves=MOVES)
    t = np.asarray(found.temperatures, np.float64)
    assert t[-1] == 1
    for before, after in zip([1e-9, *t[:-2]], t[:-1], strict=True):
        kept = np.exp(2 * log_z(after) - log_z(before) - log_z(2 * after - before))
        assert kept == pytest.approx(0.5, abs=0.12)
    np.testing.assert_allclose(found.variances[0], 1, atol=0.25)
    assert (found.variances[-1] < 0.5).all()


def test_what_cannot_be_is_refused():
    model, x, schedule = CASES["linear"]
    with pytest.raises(OptionError, match="num_particles is 0"):
        smc.smc(schedule, num_particles=0)
    with pytest.raises(OptionError, match="target_share is 1"):
        smc.find_schedule(KEY, model, x, target_share=1.0)
    with pytest.raises(OptionError, match="num_moves is 0"):
        smc.smc(schedule, moves=smc.Moves(num_moves=0))
    for temperatures in ([], [0.5, 0.9], [0.5, 0.5, 1.0], [0.0, 1.0]):
        with pytest.raises(OptionError, match=r"schedule.temperatures is .* rise from above 0 to 1"):
            smc.smc(schedule._replace(temperatures=jnp.array(temperatures)))


def test_each_temperature_has_masses_of_its_own():
    """Those of the second are such that nobody moves."""
    model = Model(normal(jnp.zeros(1)), lambda x: normal(x), normal)
    method = smc.smc(smc.Schedule(jnp.array([0.5, 1.0]), jnp.array([[1.0], [1e-12]])), num_particles=50)

    @jax.jit
    def run(key):
        first, _ = method.step(key, method.init(key, model, jnp.ones(1)))
        return first.kernel.particles, method.step(jax.random.fold_in(key, 1), first)[0].kernel.particles

    first, then = map(np.asarray, run(jax.random.key(0)))
    assert np.abs(then - first.T).min(axis=1).max() < 1e-4
