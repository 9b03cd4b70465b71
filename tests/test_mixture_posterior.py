"""A mixture q(z|x): its gradients against quadrature, its exact case, and who refuses it."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import pytest
import scipy.special
import scipy.stats

from vaex import Model, objectives
from vaex.errors import UsageError
from vaex.models.posteriors import normal_mixture
from vaex.objectives.terms import Weights

X, SLOPE, NOISE = 0.8, 1.3, 0.7  # x ~ N(1.3 z, 0.7^2), z ~ N(0, 1)
RAW = np.array([[0.5, -1.2, -1.0], [0.0, 0.9, -1.4]])  # [logit, mean, log_var] of each component
GRID = np.linspace(-8, 8, 4001)
NUM_DRAWS = 20_000


def model_of(q):
    return Model(
        prior=dist.Normal(jnp.zeros(1), 1.0).to_event(1),
        encode=lambda x: q,
        decode=lambda z: dist.Normal(SLOPE * z, NOISE).to_event(1),
    )


def same_family(raw):
    components = dist.Normal(raw[:, 1:2], jnp.exp(0.5 * raw[:, 2:])).to_event(1)
    return dist.MixtureSameFamily(dist.Categorical(logits=raw[:, 0]), components)


def general(raw):
    components = [dist.Normal(row[1:2], jnp.exp(0.5 * row[2:])).to_event(1) for row in raw]
    return dist.MixtureGeneral(dist.Categorical(logits=raw[:, 0]), components)


def ours(raw):
    return normal_mixture().apply({}, raw)


def parts(raw, z):
    """The weights of the components, their densities at z [J, N], and log p(x, z) - log q(z)."""
    weights = scipy.special.softmax(raw[:, 0])
    each = scipy.stats.norm.pdf(z, raw[:, 1:2], np.exp(0.5 * raw[:, 2:]))
    log_p = scipy.stats.norm.logpdf(X, SLOPE * z, NOISE) + scipy.stats.norm.logpdf(z)
    return weights, each, log_p - np.log(weights @ each)


def exact_elbo(raw):
    weights, each, log_w = parts(raw, GRID)
    return np.sum((weights @ each) * log_w) * (GRID[1] - GRID[0])


def exact_stratified_bound(raw):
    """E log sum_j w_j p(x, z_j)/q(z_j) over one draw z_j of each of the two components."""
    z = GRID[::10]
    weights, each, log_w = parts(raw, z)
    bound = np.logaddexp(np.log(weights[0]) + log_w[:, None], np.log(weights[1]) + log_w[None])
    return each[0] @ bound @ each[1] * (z[1] - z[0]) ** 2


def derivative(f, at, step=1e-4):
    moved = [at + step * one.reshape(at.shape) for one in np.concatenate([np.eye(at.size), -np.eye(at.size)])]
    values = np.array([f(one) for one in moved])
    return ((values[: at.size] - values[at.size :]) / (2 * step)).reshape(at.shape)


OF_ONE = functools.partial(objectives.iwae, num_samples=1)
CASES = {  # name: (q of its parameters, objective, its expectation)
    "elbo": (ours, objectives.elbo, exact_elbo),
    "stl": (ours, objectives.stl, exact_elbo),
    "iwae": (ours, OF_ONE, exact_stratified_bound),
    "elbo of numpyro's": (same_family, objectives.elbo, exact_elbo),
    "iwae of numpyro's": (general, OF_ONE, exact_stratified_bound),
}


@pytest.fixture(scope="module")
def found():
    """Of each case, draws of the objective and of its gradient."""

    def one(key):
        value = lambda raw, bind, objective: objective(key, model_of(bind(raw)), jnp.full(1, X)).objective
        raw = jnp.asarray(RAW, jnp.float32)
        return {name: jax.value_and_grad(value)(raw, *case[:2]) for name, case in CASES.items()}

    return jax.jit(jax.vmap(one))(jax.random.split(jax.random.key(0), NUM_DRAWS))


@pytest.mark.parametrize("name", CASES)
def test_value_and_gradient_are_those_of_quadrature(name, found):
    """With respect to weights, means and scales, each within 5 standard errors of 20,000 draws."""
    expected = CASES[name][2]
    for draws, exact in zip(found[name], (expected(RAW), derivative(expected, RAW)), strict=True):
        draws = np.asarray(draws, np.float64)
        error = draws.std(0, ddof=1) / np.sqrt(NUM_DRAWS)
        assert (np.abs(draws.mean(0) - exact) < 5 * error + 1e-5).all(), (draws.mean(0), exact, error)
        assert (error < 0.05).all()


def test_components_that_are_the_posterior_give_log_px_at_every_draw():
    """And stl no gradient: to the means, to the scales or to the weights."""
    precision = 1 + (SLOPE / NOISE) ** 2
    row = [SLOPE * X / NOISE**2 / precision, -np.log(precision)]
    raw = jnp.array([[0.7, *row], [-0.2, *row], [0.0, *row]])

    @jax.jit
    def compute(key):
        value = lambda raw, f: f(key, model_of(ours(raw)), jnp.full(1, X), num_samples=3).objective
        values = [value(raw, f) for f in (objectives.elbo, objectives.stl, objectives.iwae)]
        return jnp.stack(values), jax.grad(value)(raw, objectives.stl)

    values, gradient = compute(jax.random.key(1))
    log_px = scipy.stats.norm.logpdf(X, 0, np.sqrt(SLOPE**2 + NOISE**2))
    np.testing.assert_allclose(values, log_px, rtol=1e-5)
    np.testing.assert_allclose(gradient, 0.0, atol=1e-5)


@pytest.mark.parametrize("log_share", [None, jnp.log(jnp.array([0.2, 0.8]))], ids=["alike", "in shares"])
def test_where_no_draw_has_a_weight_the_bound_has_no_gradient(log_share):
    weights = lambda t: Weights(jnp.full(2, -jnp.inf), t * jnp.ones(2), jnp.zeros(2), log_share)
    value, gradient = jax.value_and_grad(lambda t: weights(t).iwae())(0.3)
    assert (value, gradient) == (-jnp.inf, 0)


def test_shares_of_low_precision_are_summed_in_float32():
    """100 draws, the shares of which add up to 1, of log w = 1000, where bfloat16 has steps of 4."""
    log_w, log_share = jnp.full(100, 1000, jnp.bfloat16), jnp.full(100, -np.log(100), jnp.float32)
    weights = Weights(log_w, jnp.zeros(100, jnp.bfloat16), jnp.zeros(100, jnp.bfloat16), log_share)
    np.testing.assert_allclose([weights.iwae(), weights.average(weights.log_w)], 1000, rtol=1e-5)


THROUGH_DRAWS = (
    "elbo", "stl", "iwae", "dreg", "miwae", "piwae", "ciwae", "renyi", "vr_max", "free_bits", "capacity",
    "total_correlation", "info",
)  # fmt: skip
SCORE = ("reinforce", "vimco", "tvo", "wake_sleep", "reweighted_wake_sleep")


def trace(name, q):
    of_batch = objectives.OBJECTIVES[name] in objectives.OF_BATCHES
    x = jnp.full((2, 1) if of_batch else 1, X)
    options = {"num_train": 10} if name == "total_correlation" else {}
    objective = functools.partial(objectives.OBJECTIVES[name], **options)
    jax.eval_shape(lambda key: objective(key, model_of(q), x).objective, jax.random.key(0))


@pytest.mark.parametrize("name", THROUGH_DRAWS)
def test_draws_without_a_gradient_are_refused_in_one_line(name):
    """A mixture by the objectives that draw from it as a whole, one for each latent by all."""
    both = dist.MixtureSameFamily(dist.Categorical(logits=jnp.zeros((1, 2))), dist.Normal(jnp.zeros((1, 2)), 1.0))
    with pytest.raises(UsageError, match=r"Independent has draws that carry no gradient to all of.*use ") as refusal:
        trace(name, both.to_event(1))
    assert "\n" not in str(refusal.value)
    if name not in ("elbo", "stl", "iwae"):
        with pytest.raises(UsageError, match=r"elbo, stl or iwae|elbo, or stl or iwae"):
            trace(name, ours(jnp.asarray(RAW)))


@pytest.mark.parametrize("name", SCORE)
def test_the_score_functions_gradient_needs_no_path(name):
    trace(name, ours(jnp.asarray(RAW)))
