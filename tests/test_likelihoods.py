"""Likelihoods against sums over all values, quadrature and scipy; finite, with their gradients, at the extremes."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import pytest
import scipy.integrate
import scipy.stats

from tests.one_step import first_step, untried
from vaex.config import LIKELIHOODS, MODELS, NETWORKS, default_config, override, section
from vaex.config.setup import setup
from vaex.distributions import ContinuousBernoulli, DiscretizedLogistic
from vaex.distributions.continuous_bernoulli import log_normalizer
from vaex.errors import UsageError
from vaex.models import likelihoods
from vaex.models.likelihood_parts import from_function

LEVELS = np.arange(256, dtype=np.float32) / 255
X_SHAPE = (2, 3, 2)  # two channels
FAMILIES = {  # name -> family, shape of its raw output
    "categorical": (likelihoods.categorical(), (*X_SHAPE, 256)),
    "discretized_logistic": (likelihoods.discretized_logistic(), (*X_SHAPE, 2)),
    "logistic_mixture": (likelihoods.logistic_mixture(num_components=4), (*X_SHAPE, 3, 4)),
    "continuous_bernoulli": (likelihoods.continuous_bernoulli(), X_SHAPE),
    "gaussian_output": (likelihoods.gaussian_output(), (*X_SHAPE, 2)),
}
OVER_LEVELS = ("categorical", "discretized_logistic", "logistic_mixture")


def bound(name, raw):
    family = FAMILIES[name][0]
    return family.apply(family.init(jax.random.key(0)), raw)


@functools.cache
def over_levels(name):
    """Raw output -> log P of each of the 256 levels for each pixel and channel, [256, *X_SHAPE], and the mean."""

    def compute(raw):
        distribution = bound(name, raw)
        each = jax.vmap(lambda level: distribution.base_dist.log_prob(jnp.full(X_SHAPE, level)))
        return each(jnp.asarray(LEVELS)), distribution.mean

    return jax.jit(compute)


def normal(seed, shape, scale=1.0):
    return (scale * np.random.default_rng(seed).normal(size=shape)).astype(np.float32)


@pytest.mark.parametrize("name", OVER_LEVELS)
@pytest.mark.parametrize("scale", [1.0, 1e4])
def test_probabilities_of_the_levels_sum_to_one_and_give_the_mean(name, scale):
    """For raw outputs of 1 and of 1e4, which put locations far outside [0, 1] and scales at their bounds."""
    log_p, means = over_levels(name)(normal(0, FAMILIES[name][1], scale))
    p = np.exp(np.asarray(log_p, np.float64))
    np.testing.assert_allclose(p.sum(0), 1, atol=2e-5)
    np.testing.assert_allclose(means, np.tensordot(LEVELS, p, 1), atol=2e-5)
    assert means.shape == X_SHAPE


@pytest.mark.parametrize("name", FAMILIES)
@pytest.mark.parametrize("scale", [1.0, 1e4])
def test_log_prob_of_an_image_is_one_finite_number_with_finite_gradients(name, scale):
    raw, x = normal(1, FAMILIES[name][1], scale), np.zeros(X_SHAPE, np.float32)
    x[0], x[1, 1] = 1.0, 100 / 255  # both edges, and a level between
    value, gradient = jax.jit(jax.value_and_grad(lambda raw: bound(name, raw).log_prob(jnp.asarray(x))))(raw)
    assert value.shape == ()
    assert np.isfinite(value)
    assert np.isfinite(gradient).all()
    assert scale > 1 or np.abs(gradient).min() > 0


@pytest.mark.parametrize("name", OVER_LEVELS)
def test_draws_are_levels_with_their_probabilities(name):
    """Chi-squared over 8 groups of levels, the edges alone in two: p above 1e-4 for each pixel."""
    raw = normal(2, FAMILIES[name][1], 0.5)
    draws = np.asarray(jax.jit(lambda key, raw: bound(name, raw).sample(key, (4000,)))(jax.random.key(3), raw))
    np.testing.assert_allclose(255 * draws, np.round(255 * draws), atol=1e-4)
    edges = [0, 1, 40, 80, 128, 160, 210, 255]
    p = np.add.reduceat(np.exp(np.asarray(over_levels(name)(raw)[0], np.float64)), edges, axis=0)
    for where in np.ndindex(X_SHAPE):
        counts = np.add.reduceat(np.bincount(np.round(255 * draws[:, *where]).astype(int), minlength=256), edges)
        expected = p[:, *where] / p[:, *where].sum() * len(draws)
        assert scipy.stats.chisquare(counts, expected).pvalue > 1e-4


def test_a_discretized_logistic_is_differences_of_scipys_cdf():
    loc, scale = 0.3, 0.05
    edges = np.concatenate([[-np.inf], (np.arange(255) + 0.5) / 255, [np.inf]])
    expected = np.log(np.diff(scipy.stats.logistic(loc, scale).cdf(edges)))
    found = jax.jit(lambda loc, scale: DiscretizedLogistic(loc, jnp.log(scale)).log_prob(jnp.asarray(LEVELS)))(
        loc, scale
    )
    np.testing.assert_allclose(found, expected, rtol=1e-4)


@pytest.mark.parametrize(("log_scale", "expected"), [(80.0, -80 - np.log(255 * 4)), (200.0, None), (-90.0, 0.0)])
def test_a_discretized_logistic_is_finite_at_any_scale(log_scale, expected):
    """Of the middle level; a wide one has there the slope of the logistic function."""
    level = 128 / 255
    log_p = lambda log_scale: DiscretizedLogistic(level, log_scale).log_prob(level)
    found, slope = jax.value_and_grad(log_p)(jnp.float32(log_scale))
    assert np.isfinite(slope)
    np.testing.assert_allclose(found, -80 - np.log(255 * 4) if expected is None else expected, rtol=1e-6, atol=1e-6)


def test_a_mixture_of_one_is_a_discretized_logistic():
    raw = normal(4, (*X_SHAPE, 2))
    as_mixture = np.concatenate([np.full((*X_SHAPE, 1), 7.0, np.float32), raw], axis=-1)[..., None]
    x = (np.random.default_rng(5).integers(0, 256, X_SHAPE) / 255).astype(np.float32)

    @jax.jit
    def compute(raw, as_mixture, x):
        return bound("discretized_logistic", raw).log_prob(x), bound("logistic_mixture", as_mixture).log_prob(x)

    np.testing.assert_allclose(*compute(raw, as_mixture, x), rtol=1e-6)


LOGITS = np.array([-200.0, -30, -4, -0.61, -0.59, -1e-3, -1e-7, 0, 1e-7, 1e-3, 0.59, 0.61, 4, 30, 200])


def test_a_continuous_bernoullis_normalizer_and_mean_match_quadrature():
    """Around lambda = 1/2, on both sides of where the series takes over, and far out."""

    def integral(logit, power):
        # Divided by the integrand's largest value, so as not to overflow; the peak is told to quad.
        f = lambda x: x**power * np.exp(logit * x - max(logit, 0))
        ends = (1 - 1 / max(abs(logit), 1), 1) if logit > 0 else (0, 1 / max(abs(logit), 1))
        return scipy.integrate.quad(f, 0, 1, points=ends, epsabs=1e-13, limit=200)[0]

    mass = np.array([integral(logit, 0) for logit in LOGITS])
    expected = np.log(mass) + np.maximum(LOGITS, 0)
    found, found_means = jax.jit(lambda logits: (log_normalizer(logits), ContinuousBernoulli(logits).mean))(LOGITS)
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-6)
    assert ContinuousBernoulli(0.0).log_prob(0.3) == 0  # of a number, as numpyro's are
    means = np.array([integral(logit, 1) for logit in LOGITS]) / mass
    np.testing.assert_allclose(found_means, means, rtol=2e-5)


def test_a_continuous_bernoulli_is_the_papers_density():
    """C(lambda) lambda^x (1 - lambda)^(1 - x), C = 2 artanh(1 - 2 lambda) / (1 - 2 lambda)."""
    lam, x = np.array([0.01, 0.3, 0.8])[:, None], np.linspace(0, 1, 5)
    expected = np.log(2 * np.arctanh(1 - 2 * lam) / (1 - 2 * lam)) + x * np.log(lam) + (1 - x) * np.log1p(-lam)
    found = jax.jit(lambda logits, x: ContinuousBernoulli(logits).log_prob(x))(np.log(lam / (1 - lam)), x)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


def test_draws_of_a_continuous_bernoulli_have_its_mean_and_distribution():
    """Means within 5 standard errors of 40,000 draws; the CDF of a draw is uniform, by Kolmogorov-Smirnov."""

    @jax.jit
    def compute(key, logits):
        cb = ContinuousBernoulli(logits)
        return cb.sample(key, (40_000,)), cb.mean

    draws, means = (np.asarray(a, np.float64) for a in compute(jax.random.key(6), np.float32(LOGITS)))
    assert ((draws >= 0) & (draws <= 1)).all()
    assert (np.abs(draws.mean(0) - means) < 5 * draws.std(0) / 200).all()
    cdf = np.expm1(-4 * draws[:, 2]) / np.expm1(-4)
    assert scipy.stats.kstest(cdf, "uniform").pvalue > 1e-4


def test_a_sigma_for_each_output_is_bounded():
    raw = np.array([[0.2, -1e9], [0.2, 0.1], [0.2, 1e9]], np.float32)
    normal = jax.jit(lambda raw: likelihoods.gaussian_output().apply({}, raw).base_dist)(raw)
    np.testing.assert_allclose(normal.scale, np.exp([-8, 0.1, 8]), rtol=1e-4)
    np.testing.assert_allclose(normal.mean, 0.2)


def test_any_numpyro_distribution_by_a_function():
    """Its factors become one event; a distribution of the whole event stays as it is."""
    raw, x = np.array([[0.1, -0.3], [2.0, 0.0]]), np.array([[3.0, 0.0], [1.0, 2.0]])

    @jax.jit
    def compute(raw, x):
        poisson = from_function(lambda raw: dist.Poisson(jnp.exp(raw))).apply({}, raw)
        whole = from_function(lambda raw: dist.MultivariateNormal(raw, jnp.eye(2))).apply({}, raw[0])
        return poisson.log_prob(x), whole.log_prob(x[0])

    counts, normals = compute(np.float32(raw), np.float32(x))
    np.testing.assert_allclose(counts, scipy.stats.poisson.logpmf(x, np.exp(raw)).sum(), rtol=1e-5)
    np.testing.assert_allclose(normals, scipy.stats.multivariate_normal.logpdf(x[0], raw[0], np.eye(2)), rtol=1e-5)


def configured(name, *flags, **options):
    config = default_config()
    config.data.name = "digits"
    network = section(NETWORKS, "mlp", encoder_hidden=(8,), decoder_hidden=(8,))
    config.model = section(MODELS, "vae", network=network, likelihood=section(LIKELIHOODS, name, **options))
    return override(config, [f"--config.model.likelihood.{flag}" for flag in flags])


@pytest.mark.parametrize("name", [*OVER_LEVELS, "continuous_bernoulli", "gaussian_output"])
def test_by_its_name_it_trains(name):
    """One step of Adam moves every parameter of the output layer, and the loss is finite."""
    with untried():
        made = setup(configured(name, **({"num_components": 3} if name == "logistic_mixture" else {})))
    before, state, metrics = first_step(made)
    assert np.isfinite(metrics["loss"])
    after, now = (s.params["decoder"]["params"]["out"]["bias"] for s in (state, before))
    assert np.mean(after != now) > 0.9


def test_decoders_start_near_the_training_mean():
    mean = np.linspace(0.02, 0.98, 9, dtype=np.float32)
    named = {name: LIKELIHOODS[name]() for name in ("continuous_bernoulli", "discretized_logistic", "gaussian_output")}
    starts = {name: likelihood.start(mean) for name, likelihood in named.items()}
    found = jax.jit(lambda raw: {name: named[name].apply({}, raw[name]).mean for name in named})(starts)
    for name in named:
        np.testing.assert_allclose(found[name], mean, atol=0.01 if "bernoulli" in name else 0.08, err_msg=name)


@pytest.mark.parametrize("sigma", [0.001, 0.1, 20.0])
def test_a_scale_starts_where_it_is_said(sigma):
    mean = np.full(3, 0.5, np.float32)

    @jax.jit
    def scales():
        named = (LIKELIHOODS[name](sigma=sigma) for name in ("gaussian_output", "discretized_logistic"))
        normal, logistic = (one.apply({}, jnp.asarray(one.start(mean))).base_dist for one in named)
        return normal.scale, jnp.exp(logistic.log_scale)

    for scale in scales():
        np.testing.assert_allclose(scale, sigma, rtol=1e-4)


@pytest.mark.parametrize(
    ("name", "flags", "message"),
    [
        ("categorical", ["num_components=3"], "'categorical' has no num_components, which is of logistic_mixture: set"),
        ("logistic_mixture", ["num_components=0"], "model.likelihood.num_components is 0: expected a whole number"),
        ("gaussian_fixed", [], "model.likelihood.sigma is not set: expected a value: the standard deviation of each"),
        ("gaussian_fixed", ["sigma=0.0"], "model.likelihood.sigma is 0.0: expected a number above 0"),
        ("gaussian_pixel", ["sigma=-1.0"], "model.likelihood.sigma is -1.0: expected a number above 0"),
        ("gaussian_output", ["sigma=0.0001"], "likelihood.sigma is 0.0001: expected more than 0.00034 and less than"),
        ("bernoulli", [], "'bernoulli' on grey pixels, which it is no distribution over: set --config.data.binarize"),
    ],
)
def test_what_cannot_be_is_refused(name, flags, message):
    with pytest.raises(UsageError, match=message):
        setup(configured(name, *flags))


def test_draws_of_the_continuous_bernoulli_are_the_inverse_of_its_cdf_with_its_gradient():
    """x(u) = log(1 + u (exp(l) - 1)) / l in double precision, and differences of it."""
    logits = np.array([-8.0, -0.5, -0.021, -0.019, -1e-5, 0.0, 1e-7, 0.019, 0.021, 0.5, 8.0])
    keys = jax.random.split(jax.random.key(0), 50)
    draw = lambda logits, key: ContinuousBernoulli(logits).sample(key)
    both = jax.vmap(jax.vmap(jax.value_and_grad(draw), (None, 0)), (0, None))
    x, slope = jax.jit(both)(jnp.asarray(logits, jnp.float32), keys)
    u = np.float64(jax.vmap(jax.random.uniform)(keys))
    inverse = lambda logits: np.log1p(u * np.expm1(logits[:, None])) / logits[:, None]
    shifted = [inverse(logits + h) for h in (-1e-4, 1e-4)]
    np.testing.assert_allclose(x, np.mean(shifted, axis=0), atol=1e-5)
    np.testing.assert_allclose(slope, (shifted[1] - shifted[0]) / 2e-4, atol=1e-4)
