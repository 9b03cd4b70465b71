"""Markov chains against the exact posterior of a linear-Gaussian model."""

import re
import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import pytest
import scipy.stats

from tests.models import W
from vaex import Conditional, Model, OptionError, UsageError, inference
from vaex.distributions import OneHotCategorical
from vaex.distributions.labelled import Labelled
from vaex.inference import sampling
from vaex.models import exact

SIGMA = 1.5  # so that the prior matters
X = jnp.array([0.5, -1.0, 0.3, 1.2, -0.4])
KEY = jax.random.key(0)


class PairPrior:
    """Two standard normal numbers, in a dict."""

    def sample(self, key, sample_shape=()):
        a, b = jax.random.normal(key, (2, *sample_shape))
        return {"a": a, "b": b[..., None]}

    def log_prob(self, value):
        return dist.Normal(0.0, 1.0).log_prob(value["a"]) + dist.Normal(0.0, 1.0).log_prob(value["b"][0])


MODEL = Model(  # with a q far from p(z|x)
    prior=dist.Normal(jnp.zeros(2), 1.0).to_event(1),
    encode=lambda x: dist.Normal(jnp.full(2, 4.0), 0.5).to_event(1),
    decode=lambda z: dist.Normal(W @ z, SIGMA).to_event(1),
)
METHODS = {  # name -> steps, options
    "hmc": (12, {"num_leapfrog": 5, "step_size": 0.2, "num_warmup": 0}),
    "nuts": (10, {"max_doublings": 4, "step_size": 0.5, "num_warmup": 0}),
    "mala": (60, {"num_warmup": 40, "step_size": 0.1}),
    "random_walk": (120, {"num_warmup": 0, "step_size": 0.7}),
}


def posterior(x=X):
    """The mean and the covariance of p(z|x), in float64."""
    w = np.asarray(W, np.float64)
    covariance = np.linalg.inv(np.eye(2) + w.T @ w / SIGMA**2)
    return covariance @ w.T @ np.asarray(x, np.float64) / SIGMA**2, covariance


@pytest.mark.parametrize("name", METHODS)
def test_the_last_states_of_many_chains_are_draws_from_the_posterior(name):
    """Mean and covariance of 4,000 within 5 standard errors, from starts ten deviations off."""
    num_steps, options = METHODS[name]
    method = vars(inference)[name](**options)

    def last(key):
        keys = jax.random.split(key, num_steps + 1)
        return jax.lax.scan(lambda s, k: method.step(k, s), method.init(keys[0], MODEL, X), keys[1:])[0].z

    z = np.asarray(jax.jit(jax.vmap(last))(jax.random.split(KEY, 4000)), np.float64)
    mean, covariance = posterior()
    variances = np.diag(covariance)
    assert (np.abs(z.mean(0) - mean) < 5 * np.sqrt(variances / 4000)).all()
    spread = np.sqrt((np.outer(variances, variances) + covariance**2) / 4000)
    assert (np.abs(np.cov(z.T) - covariance) < 5 * spread).all()


def test_a_chain_that_would_start_outside_of_the_support_starts_in_it():
    """Half of q(z|x) lies outside of the prior's: the last states of 1,000 chains by KS are of a normal that is cut."""
    x, method = jnp.array([3.0]), inference.random_walk(step_size=2.0, num_warmup=0)

    def last(key):
        prior = dist.Uniform(jnp.zeros(1), 1.0).to_event(1)
        q = dist.Normal(jnp.ones(1), 1.0).to_event(1)
        model = Model(prior, lambda x: q, lambda z: dist.Normal(z, 1.0).to_event(1))
        keys = jax.random.split(key, 31)
        first = method.init(keys[0], model, x)
        return first.z, jax.lax.scan(lambda s, k: method.step(k, s), first, keys[1:])[0].z

    first, z = map(np.asarray, jax.jit(jax.vmap(last))(jax.random.split(KEY, 1000)))
    assert ((first >= 0) & (first <= 1)).all()
    assert scipy.stats.kstest(z[:, 0], scipy.stats.truncnorm(-3, -2, loc=3).cdf).pvalue > 1e-3


def test_sampling_adapts_itself_and_says_how_far_its_chains_agree():
    """The mean within 5 standard errors by the effective sample size; z in a dict, one image of two in a batch."""
    split = lambda z: jnp.stack([z["a"], z["b"][0]])
    model = Model(PairPrior(), lambda x: PairPrior(), lambda z: MODEL.decode(split(z)))
    method = inference.hmc(num_leapfrog=5, num_warmup=150)
    run = lambda key, x: inference.sample(key, method, model, x, num_samples=300, num_chains=3)
    found = jax.jit(lambda key: jax.vmap(run)(jax.random.split(key, 2), jnp.stack([X, -X])))(KEY)
    found = jax.tree.map(np.asarray, found)
    assert not inference.warnings(found)
    assert found.z["b"].shape == (2, 3, 300, 1)
    z = np.concatenate([found.z["a"][..., None], found.z["b"]], -1).reshape(2, -1, 2)
    size = min(float(leaf.min()) for leaf in found.effective_sample_size.values())
    assert size > 200
    for sign, draws in zip((1, -1), z, strict=True):
        mean, covariance = posterior(sign * X)
        assert (np.abs(draws.mean(0) - mean) < 5 * np.sqrt(np.diag(covariance) / size)).all()
    assert ((found.acceptance_rate > 0.6) & (found.acceptance_rate < 0.99)).all()
    apart = found._replace(rhat=jax.tree.map(lambda r: r + 0.3, found.rhat), num_divergent=found.num_divergent + 1)
    assert "R-hat is above 1.05 for 4 of 4 latent numbers" in inference.warnings(apart)[0]
    of_the_first = lambda r: np.concatenate([np.full_like(r[:1], np.nan), r[1:]])
    stuck = found._replace(rhat=jax.tree.map(of_the_first, found.rhat))
    assert "2 of 4 latent numbers never move" in inference.warnings(stuck)[0]
    assert "6 steps are divergent" in inference.warnings(apart)[1]


def test_a_step_size_that_is_too_large_is_counted_as_divergent():
    method = inference.hmc(step_size=30.0, num_warmup=0)
    info = jax.jit(lambda key: method.step(key, method.init(key, MODEL, X))[1])(KEY)
    assert info.is_divergent
    assert info.acceptance_rate == 0


def test_what_cannot_be_is_refused_in_a_line():
    jax.eval_shape(refusals)  # which computes nothing


def refusals():
    generator = exact.DiscreteTable(jnp.zeros(3), jnp.zeros((3, 2)))
    table = exact.bind_table({"encoder": jnp.zeros((2, 3)), "decoder": generator})
    for method in (inference.nuts(), inference.random_walk()):
        with pytest.raises(UsageError, match=r"Categorical.* is discrete: use inference.gibbs"):
            inference.sample(KEY, method, table, jnp.array(0))
    counts = dist.Poisson(jnp.ones(2)).to_event(1)
    for prior in (counts, Labelled(OneHotCategorical(jnp.zeros(2)), dist.Normal(jnp.zeros((2, 1)), 1.0).to_event(1))):
        for method in (inference.mala(), inference.gibbs(start="prior")):
            with pytest.raises(UsageError, match=r"use inference.importance or inference.rejection"):
                method.init(KEY, MODEL._replace(prior=prior), X)
    with pytest.raises(UsageError, match=r"inference.hmc or inference.nuts where all of z is continuous"):
        inference.gibbs().init(KEY, MODEL, X)
    with pytest.raises(UsageError, match="without condition"):
        inference.mala().init(KEY, Conditional(lambda c: MODEL), X)
    with pytest.raises(OptionError, match="step_size is 0"):
        inference.hmc(step_size=0)
    with pytest.raises(OptionError, match="start is 'q'"):
        inference.hmc(start="q", num_warmup=0).init(KEY, MODEL, X)


def test_blackjax_is_asked_for_only_where_it_is_needed(monkeypatch):
    """No file imports it, and without it the line says what to install."""
    for path in Path(inference.__file__).parent.glob("*.py"):
        assert not re.search(r"^\s*(import|from) blackjax", path.read_text(), flags=re.MULTILINE), path
    monkeypatch.setitem(sys.modules, "blackjax", None)
    with pytest.raises(UsageError, match="pip install blackjax"):
        jax.eval_shape(lambda: inference.mala(num_warmup=0).init(KEY, MODEL, X))


def test_rhat_of_values_that_are_as_often_as_each_other_is_that_of_their_halves():
    """Two of which, as a fair binary latent has them, are equally far from the median."""
    fair = np.random.default_rng(0).permutation(np.repeat([0.0, 1.0], 200)).reshape(4, 100, 1)
    diagnostics = jax.jit(sampling._diagnostics)
    rhat, size = diagnostics(jnp.asarray(fair))
    halves = fair.reshape(8, 50)
    within, between = halves.var(axis=1, ddof=1).mean(), halves.mean(axis=1).var(ddof=1)
    np.testing.assert_allclose(rhat, [(49 / 50 + between / within) ** 0.5], rtol=1e-5)
    assert size > 100
    apart = jnp.repeat(jnp.array([0.0, 0.0, 1.0, 1.0])[:, None, None], 100, axis=1)  # chains that stay where they began
    assert diagnostics(apart)[0] > 1.05
    assert jnp.isnan(diagnostics(jnp.ones((4, 100, 1)))[0])
