"""Log p(x) from draws of the posterior against the exact one, and against importance sampling."""

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import pytest
import scipy.integrate
import scipy.stats

from vaex import Model, OptionError, evaluate, inference
from vaex.models.exact import LinearGaussian

W = np.random.default_rng(0).normal(size=(5, 3))
GENERATOR = LinearGaussian(jnp.asarray(W, jnp.float32), jnp.zeros(5), jnp.array([0.5]))
MODEL = Model(GENERATOR.prior(), GENERATOR.posterior, GENERATOR.decode)
KEY = jax.random.key(0)


def test_it_is_the_exact_one_and_that_of_importance_sampling_within_its_standard_error():
    """Of three latents; 30 differences in standard errors have a deviation near 1 and a mean near 0."""
    method = inference.hmc(num_leapfrog=4, step_size=0.4, num_warmup=0)
    wide = MODEL._replace(encode=lambda x: MODEL.prior)

    def both(key, x):
        found = inference.marginal_likelihood(key, MODEL, x, method=method, num_samples=60, num_chains=3)
        return found, evaluate.estimate_log_likelihood(key, wide, x, num_samples=5000, chunk_size=1000)

    x = np.random.default_rng(1).normal(size=(30, 5)).astype(np.float32) * 1.5
    found, by_weights = jax.jit(jax.vmap(both))(jax.random.split(KEY, 30), x)
    exact = scipy.stats.multivariate_normal.logpdf(x, np.zeros(5), W @ W.T + 0.5 * np.eye(5))
    z = (np.asarray(found.log_likelihood) - exact) / np.asarray(found.standard_error)
    assert (found.standard_error < 0.2).all()
    assert np.abs(z).max() < 4
    assert abs(z.mean()) < 4 / 30**0.5
    assert 0.6 < z.std() < 1.6
    error = np.hypot(found.standard_error, by_weights.standard_error)
    assert (np.abs(found.log_likelihood - by_weights.log_likelihood) < 4 * error).all()


def test_a_posterior_that_ends_where_the_prior_does():
    """Of z ~ Exponential(1), x = z + N(0, 0.1^2), x = -0.3, by quadrature."""
    x = -0.3
    model = Model(dist.Exponential(1.0), lambda x: dist.Exponential(20.0), lambda z: dist.Normal(z, 0.1))
    method = inference.hmc(num_leapfrog=4, num_warmup=50)
    run = lambda key: inference.marginal_likelihood(key, model, jnp.array(x), method=method)
    found = jax.jit(jax.vmap(run))(jax.random.split(KEY, 20))
    exact = np.log(scipy.integrate.quad(lambda z: np.exp(-z) * scipy.stats.norm(z, 0.1).pdf(x), 0, 2)[0])
    z = (np.asarray(found.log_likelihood) - exact) / np.asarray(found.standard_error)
    assert np.abs(z).max() < 5
    assert abs(np.mean(found.log_likelihood) - exact) < 5 * np.std(found.log_likelihood) / np.sqrt(20)


def test_what_cannot_be_is_refused_in_a_line():
    with pytest.raises(OptionError, match="coverage is 1"):
        inference.marginal_likelihood(KEY, MODEL, KEY, coverage=1)
    with pytest.raises(OptionError, match="num_samples is 2"):
        inference.marginal_likelihood(KEY, MODEL, KEY, num_samples=2)
