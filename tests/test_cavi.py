"""Coordinate-ascent mean field against fixed points, quadrature, scikit-learn, and sums over all states."""

import importlib

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.special
import scipy.stats
from sklearn.datasets import load_iris
from sklearn.mixture import BayesianGaussianMixture

from tests.one_step import QUICK
from tests.test_exact import SYMBOL, TABLE
from tests.test_graphs import TRUE_LAWN, encode_states, probability
from vaex import Model
from vaex.distributions import OneHotCategorical, all_states
from vaex.errors import UsageError
from vaex.inference import cavi
from vaex.inference.iterate import iterate
from vaex.models import exact
from vaex.models.latent_nodes import latent_variable_model
from vaex.models.likelihoods import bernoulli

KEY = jax.random.key(0)
discrete = importlib.import_module("vaex.inference.cavi.discrete")  # a function has its name
NUMBERS = np.random.default_rng(0).normal(5.0, 0.7, 20).astype(np.float32)
PRIOR = {"mean": 4.0, "strength": 2.0, "shape": 1.5, "rate": 0.5}


def run(method, model, x, num_steps):
    """The last state, and the bound after each step, which never falls."""
    start = lambda key: method.init(key, model, x)
    both = jax.jit(lambda key: iterate(key, method, start(key), num_steps=num_steps), compiler_options=QUICK)
    state, bounds = both(KEY)
    bounds = np.asarray(bounds)
    assert (np.diff(bounds) >= -1e-6 * np.abs(bounds[1:])).all(), bounds
    return state, bounds


@pytest.fixture(scope="module")
def normal_gamma():
    return run(cavi.normal_gamma(), cavi.NormalGamma(**PRIOR), jnp.asarray(NUMBERS), 20)


def test_the_fixed_point_without_a_prior_is_the_sample_mean_and_variance():
    """Bishop 10.31 to 10.33: 1/E[tau] = mean (x - x_mean)^2, E[mu^2] - E[mu]^2 = 1 / (N E[tau])."""
    weak = cavi.NormalGamma(strength=1e-6, shape=1e-6, rate=1e-6)
    state, _ = run(cavi.normal_gamma(), weak, jnp.asarray(NUMBERS), 20)
    variance = np.var(NUMBERS.astype(np.float64))
    np.testing.assert_allclose(state.rate / state.shape, variance, rtol=1e-5)
    np.testing.assert_allclose(state.mean, NUMBERS.astype(np.float64).mean(), rtol=1e-6)
    np.testing.assert_allclose(1 / state.precision, variance / len(NUMBERS), rtol=1e-5)


def exact_normal_gamma():
    """Shape and rate of the exact p(tau|x), and log p(x)."""
    x, n = NUMBERS.astype(np.float64), len(NUMBERS)
    mean, strength, shape, rate = PRIOR.values()
    rate_n = rate + 0.5 * np.sum((x - x.mean()) ** 2) + 0.5 * strength * n / (strength + n) * (x.mean() - mean) ** 2
    shape_n, log_gamma = shape + n / 2, scipy.special.gammaln
    log_px = log_gamma(shape_n) - log_gamma(shape) + shape * np.log(rate) - shape_n * np.log(rate_n)
    return shape_n, rate_n, log_px + 0.5 * np.log(strength / (strength + n)) - 0.5 * n * np.log(2 * np.pi)


def test_with_a_prior_the_mean_precision_is_the_exact_posteriors(normal_gamma):
    """E[tau] of the fixed point solves b / a = rate + (least + E[tau]^-1) / 2 over shape + (N + 1) / 2."""
    shape, rate, _ = exact_normal_gamma()
    state, _ = normal_gamma
    np.testing.assert_allclose(state.shape / state.rate, shape / rate, rtol=1e-5)


def test_the_bound_is_that_of_quadrature(normal_gamma):
    """E_q[log p(x, mu, tau) - log q] on a grid with scipy's densities; below log p(x), by the closed form."""
    state, bounds = normal_gamma
    mean, strength, shape, rate = PRIOR.values()
    q_mu, q_tau = scipy.stats.norm(state.mean, state.precision**-0.5), scipy.stats.gamma(state.shape, 0, 1 / state.rate)
    mu = np.linspace(state.mean - 8 * state.precision**-0.5, state.mean + 8 * state.precision**-0.5, 401)[:, None]
    tau = np.linspace(1e-4, q_tau.ppf(1 - 1e-10), 801)[None, :]
    log_joint = scipy.stats.norm.logpdf(NUMBERS[:, None, None], mu, tau**-0.5).sum(0)
    log_joint += scipy.stats.norm.logpdf(mu, mean, (strength * tau) ** -0.5)
    log_joint += scipy.stats.gamma.logpdf(tau, shape, 0, 1 / rate)
    log_q = q_mu.logpdf(mu) + q_tau.logpdf(tau)
    expected = np.sum(np.exp(log_q) * (log_joint - log_q)) * (mu[1, 0] - mu[0, 0]) * (tau[0, 1] - tau[0, 0])
    np.testing.assert_allclose(bounds[-1], expected, rtol=5e-5)
    log_px = exact_normal_gamma()[2]
    assert log_px - 0.1 < bounds[-1] < log_px


@pytest.mark.filterwarnings("ignore:.*did not converge")
def test_a_bayesian_mixture_takes_the_steps_of_scikit_learn():
    """From its state after one step: nine more, their responsibilities, and the bound's differences."""
    x = load_iris().data
    theirs = BayesianGaussianMixture(
        n_components=3,
        weight_concentration_prior_type="dirichlet_distribution",
        weight_concentration_prior=0.3,
        reg_covar=0.0,
        max_iter=1,
        warm_start=True,
        random_state=0,
    )
    steps = []
    for _ in range(11):
        theirs.fit(x)
        steps.append((theirs.predict_proba(x), theirs.lower_bound_))
    method, x = cavi.gaussian_mixture(start=jnp.asarray(steps[0][0], jnp.float32)), jnp.asarray(x, jnp.float32)
    state, bounds = run(method, cavi.prior_of(x, num_components=3, concentration=0.3), x, 9)
    np.testing.assert_allclose(state.responsibilities, steps[9][0], atol=2e-3)
    np.testing.assert_allclose(np.diff(bounds), np.diff([bound for _, bound in steps[2:]]), atol=2e-3)
    covariances = state.scatter / state.degrees[:, None, None]
    assert np.ptp([bound for _, bound in steps[1:]]) > 1  # that there was something to climb
    np.testing.assert_allclose(covariances, theirs.covariances_, rtol=2e-2, atol=2e-3)


IRIS = load_iris().data[:50, :2]
LINE = np.array([[0.0, 1], [1, 1], [2, 1], [5, 1], [6, 1]])  # with a column that never changes


@pytest.mark.parametrize(
    ("x", "options", "mean", "degrees", "scatter"),
    [
        (IRIS, {"mean": jnp.zeros(2), "degrees": 3.0, "scatter": jnp.eye(2)}, np.zeros(2), 3.0, np.eye(2)),
        (LINE, {}, LINE.mean(0), 2.0, np.diag([LINE[:, 0].var(ddof=1), 1])),
    ],
    ids=["given", "of_the_data"],
)
def test_one_gaussians_bound_is_its_exact_evidence(x, options, mean, degrees, scatter):
    """With one component q has nothing to leave out: log p(x) is the product of Student's t predictives."""
    data = jnp.asarray(x, jnp.float32)
    _, bounds = run(cavi.gaussian_mixture(), cavi.prior_of(data, num_components=1, **options), data, 1)
    strength, expected = 1.0, 0.0
    for one in x:
        df = degrees - 1
        shape = scatter * (strength + 1) / (strength * df)
        expected += scipy.stats.multivariate_t.logpdf(one, mean, shape, df)
        scatter = scatter + strength / (strength + 1) * np.outer(one - mean, one - mean)
        mean, strength, degrees = (strength * mean + one) / (strength + 1), strength + 1, degrees + 1
    np.testing.assert_allclose(bounds[0], expected, rtol=1e-5)


def test_a_single_latent_is_its_exact_posterior_at_once():
    table = TABLE["decoder"]
    model = exact.bind_table(TABLE)
    state, bounds = run(cavi.discrete(), model, SYMBOL, 1)
    both = jax.jit(lambda x: (table.log_px(x), table.posterior(x).logits, state.probabilities()))
    log_px, logits, found = both(SYMBOL)
    np.testing.assert_allclose(bounds[0], log_px, rtol=1e-5)
    np.testing.assert_allclose(found, scipy.special.softmax(logits), atol=1e-5)


def test_the_nodes_of_a_graph_by_loops():
    """Of a wet lawn: each factor the exponential of the others' mean of log p, by the tables."""
    graph = latent_variable_model(TRUE_LAWN, ("cloudy", "sprinkler", "rain"), encode=lambda x: x)
    x = jax.tree.map(lambda a: a[0], encode_states([(0, 0, 0, 1)]))["wet"]
    state, bounds = run(cavi.discrete(), graph, x, 60)
    joint = np.array([[[probability((c, s, r, 1)) for r in (0, 1)] for s in (0, 1)] for c in (0, 1)])
    order = list(graph.prior.graph.conditionals)
    table = np.log(joint).transpose([("cloudy", "sprinkler", "rain").index(name) for name in order])
    q = [np.exp(np.asarray(one, np.float64)) for one in state.log_q]
    for j in range(3):
        a, b = (q[i] for i in range(3) if i != j)
        expected = np.einsum("a,b,jab->j", a, b, np.moveaxis(table, j, 0))
        np.testing.assert_allclose(q[j], scipy.special.softmax(expected), atol=1e-4)
    product = np.einsum("a,b,c->abc", *q)
    np.testing.assert_allclose(bounds[-1], np.sum(product * (table - np.log(product))), rtol=1e-4)
    assert bounds[-1] < np.log(joint.sum())


def test_independent_latents_are_found_exactly():
    """Where each pixel sees one latent alone the posterior factorizes: the bound is log p(x), a sum over 9 states."""
    weight = np.random.default_rng(2).normal(size=(2, 3, 4)).astype(np.float32)
    weight[0, :, 2:] = weight[1, :, :2] = 0
    prior = OneHotCategorical(jnp.array([[0.5, -0.3, 0.1], [1.0, 0.0, -1.0]])).to_event(1)
    decode = lambda z: bernoulli().apply({}, jnp.einsum("nc,ncp->p", z, weight))
    model, x = Model(prior, lambda x: prior, decode), jnp.array([1.0, 0, 0, 1])
    state, bounds = run(cavi.discrete(), model, x, 2)
    of_states = lambda: jax.vmap(lambda z: prior.log_prob(z) + decode(z).log_prob(x))(all_states(prior))
    log_joint, found = jax.jit(lambda: (of_states(), state.probabilities()))()
    np.testing.assert_allclose(bounds[-1], scipy.special.logsumexp(log_joint), rtol=1e-5)
    np.testing.assert_allclose(found, scipy.special.softmax(log_joint), atol=1e-5)


@jax.jit
def step_on_two(joint):
    """The bound and the factors' probabilities after a step on a joint of two latents of two states."""
    start = tuple(jnp.log(jnp.array(q)) for q in ([0.5, 0.5], [0.7, 0.3]))
    state, bound = cavi.discrete().step(None, discrete.State(jnp.log(joint), start))
    return bound, state.probabilities()


@pytest.mark.parametrize(
    ("joint", "expected"),
    [([[0.5, 0.0], [0.0, 0.5]], [1, 0, 0, 0]), ([[0.2, 0.3], [0.5, 0.0]], [0.4, 0.6, 0, 0])],
)
def test_where_states_cannot_be_a_factor_leaves_them_out(joint, expected):
    """Both bounds end at log 0.5, the sum over the states that are left; they begin at -inf."""
    bound, found = step_on_two(jnp.array(joint))
    np.testing.assert_allclose(bound, np.log(0.5), rtol=1e-5)
    np.testing.assert_allclose(found, expected, atol=1e-6)
    impossible, _ = step_on_two(jnp.zeros((2, 2)))
    assert impossible == -np.inf


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: cavi.normal_gamma().init(KEY, cavi.NormalGamma(strength=0.0), jnp.ones(3)),
            "strength is 0.0: expected a number above 0",
        ),
        (lambda: cavi.prior_of(jnp.ones((5, 2)), num_components=0), "num_components is 0: expected a whole"),
        (lambda: cavi.prior_of(jnp.ones((5, 2)), num_components=2, degrees=1.0), "degrees is 1.0: .*above 1"),
        *[
            (lambda x=x: cavi.prior_of(jnp.array(x), num_components=2), "not positive definite: .*give a scatter")
            for x in ([[0.0, 0], [1, 1], [2, 2]], [[1.0, 2]], [[0.0, 1], [np.nan, 2], [1, 0]])
        ],
        (
            lambda: cavi.gaussian_mixture(start=jnp.ones((5, 3))).init(
                None, cavi.prior_of(jnp.ones((5, 2)), num_components=2), jnp.ones((5, 2))
            ),
            r"start has shape \(5, 3\): expected \(5, 2\)",
        ),
    ],
)
def test_what_cannot_be_is_refused(call, message):
    with pytest.raises(UsageError, match=message):
        call()
