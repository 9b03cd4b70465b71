"""Expectation maximization against closed forms and scikit-learn."""

import inspect
import warnings

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from sklearn.datasets import load_iris
from sklearn.decomposition import FactorAnalysis
from sklearn.exceptions import ConvergenceWarning
from sklearn.mixture import GaussianMixture as Reference

from vaex import UsageError
from vaex.inference import em
from vaex.models import exact
from vaex.models.exact import LinearGaussian, ppca_maximum_likelihood
from vaex.models.mixture import GaussianMixture

RNG = np.random.default_rng(0)
W, NOISE = RNG.normal(size=(5, 2)), np.array([0.3, 0.5, 0.4, 0.8, 0.6])
X = RNG.normal(size=(300, 2)) @ W.T + RNG.normal(size=(300, 5)) * NOISE**0.5 + 1.0
START = jnp.asarray(RNG.normal(size=(5, 2)), jnp.float32)


def covariance(model):
    weight = np.asarray(model.weight, np.float64)
    return weight @ weight.T + np.diag(np.broadcast_to(np.float64(model.noise_var), 5))


def rises(log_likelihood):
    """Up to float32's rounding."""
    return (np.diff(np.float64(log_likelihood)) > -2e-6 * np.abs(log_likelihood[-1])).all()


def test_probabilistic_pca_ends_at_its_closed_form():
    x = jnp.asarray(X, jnp.float32)
    found = em.fit(em.PPCA, LinearGaussian(START, jnp.zeros(5), jnp.ones(1)), x, num_steps=100)
    expected = jax.jit(ppca_maximum_likelihood, static_argnums=1)(x, 2)
    assert rises(found.log_likelihood)
    assert found.log_likelihood[-1] > found.log_likelihood[0] + 1
    np.testing.assert_allclose(covariance(found.model), covariance(expected), atol=1e-4)
    np.testing.assert_allclose(found.model.noise_var, expected.noise_var, rtol=1e-4)


def test_factor_analysis_ends_at_scikit_learns():
    found = em.fit(
        em.FACTOR_ANALYSIS,
        LinearGaussian(START, jnp.zeros(5), jnp.ones(5)),
        jnp.asarray(X, jnp.float32),
        num_steps=1500,
    )
    reference = FactorAnalysis(2, svd_method="lapack", tol=1e-12, max_iter=20_000).fit(X)
    assert rises(found.log_likelihood)
    assert found.log_likelihood[-1] == pytest.approx(reference.score(X), abs=1e-4)
    np.testing.assert_allclose(covariance(found.model), reference.get_covariance(), atol=2e-3)


def test_a_mixture_takes_scikit_learns_steps():
    """20 iterations from one start without regularization: weights, means, covariances and the likelihood."""
    x = load_iris().data[:, 2:]
    means = np.array([[2.0, 0.5], [4.0, 1.0], [6.0, 2.0]])
    start = GaussianMixture(jnp.zeros(3), jnp.asarray(means, jnp.float32), jnp.tile(jnp.eye(2), (3, 1, 1)))
    found = em.fit(em.GAUSSIAN_MIXTURE, start, jnp.asarray(x, jnp.float32), num_steps=20)
    reference = Reference(
        3, weights_init=[1 / 3] * 3, means_init=means, precisions_init=[np.eye(2)] * 3, reg_covar=0, tol=0, max_iter=20
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        reference.fit(x)
    assert rises(found.log_likelihood)
    assert found.log_likelihood[-1] == pytest.approx(reference.score(x), abs=1e-4)
    np.testing.assert_allclose(np.exp(found.model.logits), reference.weights_, atol=1e-3)
    np.testing.assert_allclose(found.model.mean, reference.means_, atol=1e-3)
    scale = np.asarray(found.model.scale_tril)
    np.testing.assert_allclose(scale @ scale.transpose(0, 2, 1), reference.covariances_, atol=1e-3)


POINT = GaussianMixture(jnp.zeros(2), jnp.array([[0.0, 0.0], [9.0, 9.0]]), jnp.tile(jnp.eye(2), (2, 1, 1)))
FACTOR = LinearGaussian(jnp.ones((2, 1)), jnp.zeros(2), jnp.ones(2))
CLOUD = np.float32(RNG.normal(size=(20, 2)))
LINE = CLOUD[:, [0, 0]]
FINITE = em.FACTOR_ANALYSIS._replace(log_px=lambda model: jnp.sum)  # as rounding may leave it


@pytest.mark.parametrize(
    ("family", "start", "x", "num_steps", "message"),
    [
        (em.GAUSSIAN_MIXTURE, POINT, np.append(CLOUD, [[9, 9]], 0), 5, r"log-likelihood is .* use fewer components"),
        (em.FACTOR_ANALYSIS, FACTOR, LINE, 40, r"log-likelihood is .* no noise in a column: use fewer"),
        (FINITE, FACTOR, CLOUD * [0, 1], 1, r"variance is 0 after step 1: .* no noise in a column"),
        (em.PPCA, FACTOR, np.append(CLOUD, [[9, np.nan]], 0), 5, r"1 of 21 examples have values that are nan"),
    ],
    ids=["a point", "two columns alike", "a constant column", "nan"],
)
def test_a_likelihood_without_bound_is_told_with_its_cause(family, start, x, num_steps, message):
    with pytest.raises(UsageError, match=message):
        em.fit(family, start, jnp.asarray(x, jnp.float32), num_steps=num_steps)


def test_shapes_that_do_not_fit_are_told():
    x = jnp.zeros((20, 2))
    with pytest.raises(UsageError, match=r"^found an array of shape \(2,\): expected a row for each example, \[n, d\]"):
        inspect.unwrap(em.fit)(em.PPCA, FACTOR, x[0])
    with pytest.raises(UsageError, match=r"^found a start of 2 columns: expected the 3 of x$"):
        em.fit(em.PPCA, FACTOR, jnp.zeros((20, 3)))
    with pytest.raises(UsageError, match=r"^found responsibilities of 9 examples: expected the 20 of x$"):
        inspect.unwrap(em.maximize)(x, jnp.ones((9, 2)) / 2)


def test_levels_and_memberships_are_multiplied_as_floats():
    """Of uint8 and bool a product would wrap at 256."""
    x = jnp.array([[200], [198], [202], [100], [120]], jnp.uint8)
    mixture = em.maximize(x, jnp.eye(2, dtype=bool)[jnp.array([0, 0, 0, 1, 1])])
    np.testing.assert_allclose(mixture.mean[:, 0], [200, 110])
    np.testing.assert_allclose(mixture.scale_tril[:, 0, 0] ** 2, [8 / 3, 100], rtol=1e-5)


def test_whole_numbers_are_of_the_widest_floats_there_are():
    with jax.enable_x64(True):
        x = 10**9 + np.random.default_rng(0).integers(-50, 50, (500, 1))
        mixture = em.maximize(jnp.asarray(x), jnp.ones((500, 1)))
        np.testing.assert_allclose(mixture.scale_tril[0, 0, 0], x.std(), rtol=1e-6)


def test_memberships_of_few_bits_are_summed_with_all_digits():
    x = np.random.default_rng(0).normal(100.0, 1.0, (257, 1)).astype(np.float32)
    for dtype in (jnp.float32, jnp.bfloat16):
        mixture = em.maximize(jnp.asarray(x), jnp.ones((257, 1), dtype))
        np.testing.assert_allclose([mixture.mean[0, 0], mixture.scale_tril[0, 0, 0]], [x.mean(), x.std()], rtol=1e-5)


def test_the_log_likelihoods_are_those_at_the_start_and_after_each_step():
    x = jax.random.normal(jax.random.key(0), (50, 3)) * jnp.array([1.0, 2.0, 3.0])
    start = exact.LinearGaussian(jnp.ones((3, 1)), jnp.zeros(3), jnp.ones(1))
    found = em.fit(em.PPCA, start, x, num_steps=3)
    of_data = jax.jit(lambda model: jax.vmap(model.log_px)(x).mean())
    models = [start, *(em.fit(em.PPCA, start, x, num_steps=steps).model for steps in (1, 2, 3))]
    np.testing.assert_allclose(found.log_likelihood, [of_data(model) for model in models], rtol=1e-5)
    assert (np.diff(found.log_likelihood) > 1e-3).all()
