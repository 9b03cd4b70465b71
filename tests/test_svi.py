"""The q(z) of one example, fitted by gradient, against exact posteriors; the inference gap against its parts."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import optax
import pytest

from tests.models import drawn, linear_gaussian, log_px
from tests.one_step import QUICK
from tests.test_exact import SYMBOL, TABLE
from vaex import evaluate, objectives
from vaex.distributions.chain import Chain, Link
from vaex.distributions.free import free
from vaex.errors import UsageError
from vaex.inference.iterate import iterate
from vaex.inference.svi import svi
from vaex.model import Model
from vaex.models import exact, posteriors
from vaex.models.posterior_table import POSTERIORS

KEY = jax.random.key(0)
X = jax.device_put(np.random.default_rng(3).normal(size=5).astype(np.float32))
DIAGONAL = dist.Normal(jnp.zeros(2), 1.0).to_event(1)
OPTIMIZER = optax.adam(optax.exponential_decay(0.1, 200, 0.3))
fit = functools.partial(jax.jit, compiler_options=QUICK)


def moments(q):
    return q.mean, q.covariance_matrix


def test_it_reaches_the_exact_posterior_from_the_encoder_and_from_the_prior():
    """A full Gaussian, whose gradient vanishes at the exact posterior."""

    @fit
    def run(key, x):
        model, truth = linear_gaussian(shift=1.0, stretch=3.0), linear_gaussian().encode(x[0])
        methods = [svi(start=start, optimizer=OPTIMIZER) for start in ("posterior", "prior")]

        def one(x):
            starts = [method.init(None, model, x) for method in methods]
            return [moments(iterate(key, *each, num_steps=1000)[0].q) for each in zip(methods, starts, strict=True)]

        return jax.vmap(one)(x), moments(truth)

    found, (mean, covariance) = run(KEY, X[None])
    for means, covariances in jax.tree.map(np.asarray, found):
        np.testing.assert_allclose(means[0], mean, atol=1e-3)
        np.testing.assert_allclose(covariances[0], covariance, atol=1e-3)


def test_discrete_latents_are_fitted_by_enumeration():

    @fit
    def run(key):
        method = svi(objective=objectives.enumerate, optimizer=OPTIMIZER)
        state = method.init(None, exact.bind_table(TABLE), SYMBOL)
        found = iterate(key, method, state, num_steps=500)[0].q
        return [jax.nn.softmax(q.logits) for q in (found, TABLE["decoder"].posterior(SYMBOL))]

    np.testing.assert_allclose(*run(KEY), atol=1e-3)


@pytest.mark.parametrize("start", ["posterior", DIAGONAL], ids=["full", "diagonal"])
def test_the_gaps_are_those_of_the_linear_gaussian_model(start):
    """A full Gaussian leaves no approximation gap; of diagonal ones the best has the posterior's own precisions."""
    known = None if start == "posterior" else jnp.float32(log_px(X))  # L_K with a q that is exact is log p(x) too
    options = {"log_px": known, "start": start, "optimizer": OPTIMIZER, "num_steps": 600, "num_samples": 20_000}

    @fit
    def compute(key):
        model, truth = linear_gaussian(shift=0.4, stretch=2.0), linear_gaussian().encode(X)
        whole = dist.kl_divergence(model.encode(X), truth)
        found = evaluate.inference_gap(key, model, X, **options)
        gaps = found.approximation, found.amortization
        return found.log_px, found.log_px - found.elbo, gaps, whole, truth.covariance_matrix

    log_l, below, (approximation, amortization), whole, covariance = jax.tree.map(np.asarray, compute(KEY))
    # KL(N(m, 1 / diag P) || N(m, P^-1)) = 1/2 (log |diag P| - log |P|), and that of the encoder's by its definition.
    precision = np.linalg.inv(np.asarray(covariance, np.float64))
    gap = 0.0 if start == "posterior" else 0.5 * (np.log(np.diag(precision)).sum() - np.linalg.slogdet(precision)[1])
    np.testing.assert_allclose(log_l, log_px(X), atol=1e-2)
    np.testing.assert_allclose(approximation, gap, atol=0.03)  # 5 standard errors of the bound's estimate
    np.testing.assert_allclose(amortization, whole - gap, atol=0.1)
    np.testing.assert_allclose(approximation + amortization, below, atol=1e-4)


CHAIN = Chain((Link(lambda p, s: dist.Normal(s + p, 1.0)),) * 2, (jnp.ones(()), jnp.ones(())), jnp.zeros(()), False)
KINDS = {
    "a normal with one scale for all": DIAGONAL,
    "a covariance": dist.MultivariateNormal(jnp.zeros(2), jnp.array([[2.0, 0.5], [0.5, 1.0]])),
    "numpyro's mixture": dist.MixtureSameFamily(
        dist.Categorical(jnp.array([0.3, 0.7])),
        dist.Normal(jnp.array([[0.0, 1.0], [2.0, 3.0]]), 0.5).to_event(1),
    ),
    "a gamma": dist.Gamma(jnp.array([2.0, 3.0]), 0.5).to_event(1),
    "a chain": CHAIN,
}


def of_the_table(name):
    options = {"num_flows": 2, "hidden": (4,)} if name not in ("planar", "mixture") else {"num_flows": 2}
    options = {"one_hot": {"num_classes": 3}, "diagonal": {}, "full": {}, "mixture": {}, "spherical": {}}.get(
        name, options
    )
    posterior = POSTERIORS[name](2, **options)
    raw = np.random.default_rng(1).normal(size=posterior.raw_shape).astype(np.float32)
    return jax.jit(posterior.apply)(drawn(posterior.init), raw)


@pytest.mark.parametrize("name", [*KINDS, *POSTERIORS])
def test_free_numbers_make_the_same_distribution_again(name):
    """Of each posterior that a VAE has, and of numpyro's: log q of its own draws, and a gradient to every number."""
    q = KINDS[name] if name in KINDS else of_the_table(name)

    @fit
    def compute(key):
        numbers, again = free(q)
        z = q.sample(key)
        density = lambda numbers: again(numbers).log_prob(z)
        return q.log_prob(z), density(numbers), jax.grad(density)(numbers)

    before, after, gradient = compute(KEY)
    np.testing.assert_allclose(after, before, rtol=1e-4)
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(gradient))
    assert any(np.abs(leaf).max() > 0 for leaf in jax.tree.leaves(gradient))
    if name == "a normal with one scale for all":
        assert free(q)[0]["scale"].shape == (2,)


def test_a_mixture_is_nearer_to_two_modes_than_a_normal_is():
    """z ~ N(0, 1), x ~ N(z^2, 0.2): the posterior of x = 1 has a mode near each of -1 and 1."""
    z = np.linspace(-4, 4, 4001)
    joint = np.exp(-0.5 * z**2 - 0.5 * ((1 - z**2) / 0.2) ** 2) / (2 * np.pi * 0.2)
    exact = np.float32(np.log(joint.sum() * (z[1] - z[0])))

    @fit
    def run(key):
        prior = dist.Normal(jnp.zeros(1), 1.0).to_event(1)
        one = posteriors.normal_mixture().apply({}, jnp.array([[0.0, -0.5, -1.0], [0.0, 0.5, -1.0]]))
        model = Model(prior, lambda x: prior, lambda z: dist.Normal(z**2, 0.2).to_event(1))
        gaps = functools.partial(evaluate.inference_gap, key, model, jnp.ones(1), num_steps=400, num_samples=4000)
        return [gaps(log_px=jnp.asarray(exact), start=q, optimizer=OPTIMIZER).approximation for q in ("posterior", one)]

    normal, mixture = run(KEY)
    assert normal > np.log(2) - 0.1  # one mode alone
    assert 0 < mixture < 0.1


def test_what_cannot_be_is_refused():
    with pytest.raises(UsageError, match='start is \'decoder\': expected "posterior", "prior" or a distribution'):
        svi(start="decoder").init(None, linear_gaussian(), X)
    uniform = dist.Uniform(jnp.zeros(2), jnp.ones(2)).to_event(1)  # whose bounds depend on each other
    point, cut = dist.Delta(jnp.zeros(2)).to_event(1), dist.TruncatedNormal(jnp.zeros(2), 1.0, low=-1.0).to_event(1)
    for q in (dist.Normal(0.0, 1.0).mask(False), uniform, point, cut):
        with pytest.raises(UsageError, match=r"what may be moved of \w+ is not known: register it"):
            free(q)
