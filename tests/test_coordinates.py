"""Free numbers for latents with edges, or on a simplex: densities by quadrature, posteriors in closed form."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import optax
import pytest
import scipy.stats

from vaex import Model, UsageError, inference
from vaex.distributions.supports import coordinates
from vaex.inference import abc, abc_smc, ais, free_form, smc
from vaex.model import Family
from vaex.models.graph import Graph, Node

KEY = jax.random.key(0)
LINES = {
    "exponential": dist.Exponential(2.0),
    "between": dist.Uniform(-1.0, 3.0),
    "beta": dist.Beta(2.0, 3.0),
    "cut": dist.TruncatedNormal(0.0, 1.0, low=0.5),
    "circle": dist.VonMises(0.5, 2.0),
    "circles": dist.VonMises(jnp.array([3.1]), 2.0).to_event(1),
    "line": dist.Normal(1.0, 2.0),
    "copies": dist.Gamma(2.0, 1.0).expand([1]).to_event(1),
}
ALPHA = jnp.array([0.5, 1.0, 2.0])
COUNTS = jnp.array([5, 3, 2])
PRIOR = dist.Dirichlet(ALPHA)
SHARES = Model(PRIOR, lambda x: dist.Dirichlet(jnp.ones(3)), lambda z: dist.Multinomial(10, z))
POSTERIOR = scipy.stats.dirichlet(np.asarray(ALPHA + COUNTS))
# z of an exponential distribution, and counts of the rate z: p(x) = 2^-(x + 1); a sixth of q is below 0.
RATES = Model(dist.Exponential(1.0), lambda x: dist.Normal(1.0, 1.0), lambda z: dist.Poisson(z))
COUNT = jnp.array(3)


class Itself(nn.Module):
    """A network that hands its input on."""

    def __call__(self, x):
        return x


def family(of):
    return Family(lambda key: (), lambda params, raw: of(raw))


END = Node("end", family(lambda raw: dist.Gamma(2.0, 1.0)))
PART = Node("part", family(lambda end: dist.Uniform(0.0, end)), Itself(), ("end",))


@pytest.mark.parametrize("name", LINES)
def test_the_density_of_the_numbers_integrates_to_one(name):
    p = LINES[name]
    where = coordinates(p)
    numbers = jnp.linspace(-40.0, 40.0, 40_001).reshape(-1, *p.event_shape)
    log_density = lambda one: p.log_prob(where.value(one)) + where.log_det(one)
    np.testing.assert_allclose(jnp.sum(jnp.exp(jax.vmap(log_density)(numbers))) * 0.002, 1, rtol=1e-3)
    inner = numbers[19_000:21_000]
    np.testing.assert_allclose(jax.vmap(lambda one: where.numbers(where.value(one)))(inner), inner, atol=1e-3)


def test_so_does_that_of_a_simplex_and_of_nodes_one_of_which_ends_at_the_other():
    line = jnp.linspace(-30.0, 30.0, 601)
    grid = jnp.stack(jnp.meshgrid(line, line), axis=-1).reshape(-1, 2)
    joint = Graph((PART, END)).bind({"end": {"family": ()}, "part": {"family": (), "network": {}}}).distribution
    apart = {"end": grid[:, 0], "part": grid[:, 1]}
    for p, numbers in ((PRIOR, grid), (joint, apart)):
        where = coordinates(p)
        log_density = lambda one, p=p, where=where: p.log_prob(where.value(one)) + where.log_det(one)
        np.testing.assert_allclose(jnp.sum(jnp.exp(jax.vmap(log_density)(numbers))) * 0.01, 1, rtol=1e-3)
    back = jax.vmap(lambda one: where.numbers(where.value(one)))(apart)
    near = np.abs(grid).max(axis=1) < 3
    np.testing.assert_allclose(back["part"][near], grid[near, 1], atol=1e-3)


def test_chains_on_a_simplex_have_the_posterior():
    """Mean and variance of each share within 5 standard errors by the effective sample size."""
    method = inference.hmc(num_leapfrog=4, num_warmup=100)
    run = lambda key: inference.sample(key, method, SHARES, COUNTS, num_samples=600)
    found = jax.jit(run)(KEY)
    assert not inference.warnings(found)
    z, size = np.asarray(found.pooled(), np.float64), np.asarray(found.effective_sample_size)
    assert (size > 500).all()
    np.testing.assert_allclose(z.sum(axis=1), 1, rtol=1e-5)
    assert (np.abs(z.mean(axis=0) - POSTERIOR.mean()) < 5 * np.sqrt(POSTERIOR.var() / size)).all()
    squares = (z - POSTERIOR.mean()) ** 2
    assert (np.abs(squares.mean(axis=0) - POSTERIOR.var()) < 5 * squares.std(axis=0) / np.sqrt(size)).all()


@pytest.mark.parametrize("method", [inference.hmc(num_leapfrog=4, num_warmup=100), inference.random_walk()])
def test_where_the_prior_has_an_edge_no_step_leaves_it(method):
    """The posterior is Gamma(4, 2): draws some steps apart by KS."""
    found = jax.jit(lambda key: inference.sample(key, method, RATES, COUNT, num_samples=200, thinning=4))(KEY)
    assert not inference.warnings(found)
    assert found.effective_sample_size > 250
    z = np.asarray(found.z[:, ::4]).ravel()
    assert scipy.stats.kstest(z, scipy.stats.gamma(4, scale=0.5).cdf).pvalue > 1e-3


def test_a_circle_is_cut_where_the_prior_is_least():
    """A posterior around the angle pi, half of it on either side: the evidence by a sum over angles."""
    prior = dist.VonMises(3.1, 4.0)
    plane = lambda z: dist.Normal(jnp.stack([jnp.cos(z), jnp.sin(z)]), 1.0).to_event(1)
    model, x = Model(prior, lambda x: prior, plane), jnp.array([-1.0, 0.0])
    method = inference.hmc(num_leapfrog=4, num_warmup=100)
    draws, found = jax.jit(
        lambda key: (
            inference.sample(key, method, model, x, num_samples=300),
            inference.marginal_likelihood(key, model, x, method=method),
        )
    )(KEY)
    assert not inference.warnings(draws)
    assert abs(np.mean(draws.z > 0) - 0.5) < 0.1
    angles = jnp.linspace(-np.pi, np.pi, 2001)[:-1]
    log_joint = jax.vmap(lambda z: prior.log_prob(z) + plane(z).log_prob(x))(angles)
    exact = jax.nn.logsumexp(log_joint) + np.log(2 * np.pi / 2000)
    assert abs(found.log_likelihood - exact) < 5 * found.standard_error < 0.5


def test_numbers_that_are_constant_by_their_kind_are_no_disagreement():
    prior = dist.LKJCholesky(2, 2.0)
    model = Model(prior, lambda x: prior, lambda z: dist.Normal(z[1, 0], 0.5))
    run = lambda key: inference.sample(key, inference.random_walk(), model, jnp.array(0.4), num_samples=800)
    (line,) = inference.warnings(jax.jit(run)(KEY))
    assert line.startswith("2 of 4 latent numbers never move in any chain")


def test_the_evidence_of_particles_and_of_paths():
    """The mean of estimates of p(x) within 5 standard errors."""
    temperatures, ones = jnp.array([0.1, 0.4, 1.0]), jnp.ones((3, 1))
    by_smc, by_ais = smc.Schedule(temperatures, ones), ais.Schedule(temperatures, jnp.full(3, 0.5), ones)
    moves = smc.Moves(num_moves=1, num_leapfrog=3)
    runs = {
        "smc": lambda k: smc.anneal(k, RATES, COUNT, schedule=by_smc, num_particles=8, moves=moves).log_likelihood,
        "ais": lambda k: ais.anneal(k, RATES, COUNT, schedule=by_ais, num_chains=2, start="prior").log_likelihood,
    }
    for name, run in runs.items():
        ratio = np.exp(np.float64(jax.jit(jax.vmap(run))(jax.random.split(KEY, 1000))) + 4 * np.log(2))
        assert abs(ratio.mean() - 1) < 5 * ratio.std() / np.sqrt(1000), name
    _, info = jax.jit(lambda key: ais.chains(key, RATES, COUNT, schedule=by_ais, num_chains=200, start="prior"))(KEY)
    assert (info.acceptance_rate.mean(axis=0) > 0.7).all()


def test_a_population_that_is_simulated_keeps_to_the_support():
    """Of z ~ U(0, 1) and how many of ten are below it, which has to be met exactly, by KS."""
    fewer = lambda key, z: jnp.sum(jax.random.uniform(key, (10,)) < z).astype(float)
    simulator = abc.Simulator(dist.Uniform(0.0, 1.0), fewer)
    run = lambda key: abc_smc.anneal(key, simulator, jnp.array(9.0), tolerance=0.5, share=0.2, num_particles=600)
    found = abc.accepted(jax.jit(run)(KEY))
    assert len(found) > 500
    assert scipy.stats.kstest(np.asarray(found), scipy.stats.beta(10, 2).cdf).pvalue > 1e-3


def test_monte_carlo_em_of_rates_is_at_the_most_likely():
    """z ~ Exponential(r) and counts of the rate z are geometric, most likely where 1 / r is their mean."""
    x = jnp.asarray(np.random.default_rng(0).negative_binomial(1, 1 / 3, size=200).astype(np.float32))
    bind = lambda log_rate: Model(dist.Exponential(jnp.exp(log_rate)), None, lambda z: dist.Poisson(z))
    method = inference.monte_carlo_em(bind, optax.sgd(0.2), num_leapfrog=5, num_updates=1)
    run = lambda key: inference.iterate(key, method, method.init(key, jnp.zeros(()), x), num_steps=150)
    state, info = jax.jit(run)(KEY)
    assert (info.acceptance_rate[75:] > 0.8).all()
    np.testing.assert_allclose(jnp.exp(-state.params), x.mean(), rtol=0.1)


def test_what_no_free_numbers_stand_for_is_refused_in_a_line():
    ball = SHARES._replace(prior=dist.ProjectedNormal(jnp.ones(3)))
    with pytest.raises(UsageError, match=r"no free numbers stand for the values of ProjectedNormal, p\(z\): use infer"):
        inference.hmc().init(KEY, ball, COUNTS)
    method = free_form.free_form(free_form.grid(low=0.0, high=1.0, num_points=4, num_latents=2))
    pair = Model(dist.Dirichlet(jnp.ones(2)), None, lambda z: dist.Multinomial(10, z))
    with pytest.raises(UsageError, match=r"Dirichlet, p\(z\), lies on a surface between the points of a grid"):
        method.init(None, pair, jnp.array([5, 5]))
