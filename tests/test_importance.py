"""Importance, resampling and rejection against exact posteriors."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.stats

from tests.models import SIGMA, W, linear_gaussian, log_px
from vaex import UsageError, inference
from vaex.inference import Weighted
from vaex.model import Conditional, Given
from vaex.models import exact

X = jnp.array([0.5, -1.0, 0.3, 1.2, -0.4])
KEY = jax.random.key(0)
TABLE = exact.DiscreteTable(jnp.array([0.3, -0.2, 0.5]), jnp.array([[0.0, 1.0], [0.5, -1.0], [2.0, 0.1]]))


def posterior(x=X):
    """The mean and the covariance of p(z|x), in float64."""
    w = np.asarray(W, np.float64)
    covariance = np.linalg.inv(np.eye(2) + w.T @ w / SIGMA**2)
    return covariance @ w.T @ np.asarray(x, np.float64) / SIGMA**2, covariance


@jax.jit
def drawn(key, shift, stretch):
    found = inference.importance(key, linear_gaussian(shift, stretch), X, num_samples=4000)
    numbers = found.log_likelihood, found.effective_sample_size, found.pareto_k
    return found, numbers, (found.mean(), found.mean(found.z**2)), found.smoothed()


def test_weighted_draws_have_the_posterior_mean_and_the_evidence():
    """Within 5 standard errors, by the delta method; in the mean over squares as well as over z."""
    found, (log_likelihood, size, k), (mean, mean_square), _ = drawn(KEY, 0.3, 1.5)
    exact_mean, covariance = posterior()
    share = np.asarray(found.share, np.float64)
    for f, f_mean, expected in (
        (np.asarray(found.z), mean, exact_mean),
        (np.asarray(found.z) ** 2, mean_square, np.diag(covariance) + exact_mean**2),
    ):
        error = np.sqrt((share[:, None] ** 2 * (f - expected) ** 2).sum(0))
        assert (np.abs(f_mean - expected) < 5 * error).all()
    assert abs(log_likelihood - log_px(X)) < 5 * np.sqrt(1 / float(size) - 1 / 4000)
    assert size == pytest.approx(1 / (share**2).sum(), rel=1e-3)
    assert k < 0.5


def test_pareto_k_is_that_of_a_gaussian_that_is_too_narrow_and_only_the_tail_is_smoothed():
    """P(w > t) ~ t^(-1/k), k = 1 - s, where q's covariance is s times that of p(z|x)."""
    found, (log_likelihood, size, k), _, smoothed = drawn(KEY, 0.0, 0.2)
    assert 0.6 < k < 1.0
    assert size < 500
    order = np.argsort(found.log_w)
    moved = np.asarray(smoothed.log_w - found.log_w)[order]
    np.testing.assert_allclose(moved[:-190], moved[0], atol=1e-4)  # all but 3 sqrt(K)
    assert np.ptp(moved[-190:]) > 0.01
    assert jax.nn.logsumexp(smoothed.log_w) - np.log(4000) == pytest.approx(float(log_likelihood), abs=1e-4)


def test_pareto_k_of_nearly_equal_weights_says_that_they_can_be_trusted():
    """Log-weights a few roundings apart, whose tail has ties; and zeros beside a few, which are not to be trusted."""
    noise = np.random.default_rng(0).normal(size=5000)
    zeros = np.where(np.arange(5000) < 10, 0.0, -np.inf)
    log_w = jnp.asarray(np.stack([-90 + 1e-5 * noise, -9000 + 1e-3 * noise, -90 + 0.1 * noise, zeros]), jnp.float32)
    k = jax.jit(jax.vmap(lambda log_w: inference.Weighted(None, log_w).pareto_k))(log_w)
    assert (k[:3] < 0.5).all()
    assert np.isnan(k[3])


def rejected(key, log_bound):
    return inference.rejection(key, linear_gaussian(stretch=2.0), X, log_bound=log_bound, num_proposals=4000)


def test_rejection_calls_its_option_by_its_name():
    with pytest.raises(UsageError, match="num_proposals is 0: expected"):
        inference.rejection(KEY, linear_gaussian(), X, log_bound=0.0, num_proposals=0)


def test_rejection_accepts_at_its_rate_and_its_draws_are_from_the_posterior():
    """q has twice the covariance: w is largest at the mean, 2 p(x), so that half are accepted; whitened draws by KS."""
    found = jax.jit(rejected)(KEY, log_px(X) + np.log(2))  # the bound itself, which rounding may exceed
    z = np.asarray(inference.accepted(found), np.float64)
    assert abs(found.acceptance_rate - 0.5) < 5 * np.sqrt(0.25 / 4000)
    assert found.log_likelihood == pytest.approx(log_px(X), abs=5 / np.sqrt(4000))
    mean, covariance = posterior()
    white = np.linalg.solve(np.linalg.cholesky(covariance), (z - mean).T)
    for column in white:
        assert scipy.stats.kstest(column, "norm").pvalue > 1e-3
    too_low = jax.jit(rejected)(KEY, log_px(X))
    assert np.isnan(too_low.log_likelihood)
    with pytest.raises(UsageError, match=r"log_bound is .* a draw has the log-weight .* inference.importance"):
        inference.accepted(too_low)


@jax.jit
def of_the_table(key, log_bound):
    model, x = exact.bind_table({"encoder": jnp.zeros((2, 3)), "decoder": TABLE}), jnp.array(1)
    states = inference.resampled(key, model, x, num_draws=2000, num_samples=5000)
    return states, inference.rejection(
        key, model, x, log_bound=log_bound, num_proposals=20_000, proposal=model.prior
    ).acceptance_rate


def test_resampled_draws_have_the_posterior_of_a_table_and_the_prior_is_accepted_at_its_rate():
    """Frequencies within 5 standard errors, from a uniform q; one proposal in p(x) / max p(x|z) is accepted."""
    log_bound = jax.nn.log_softmax(TABLE.likelihood_logits)[:, 1].max()
    states, found_rate = of_the_table(KEY, log_bound)
    expected = np.asarray(TABLE.posterior(jnp.array(1)).probs)
    found = np.bincount(states, minlength=3) / 2000
    assert (np.abs(found - expected) < 5 * np.sqrt(expected * (1 - expected) / 2000)).all()
    rate = float(np.exp(TABLE.log_px(jnp.array(1)) - log_bound))
    assert abs(found_rate - rate) < 5 * np.sqrt(rate * (1 - rate) / 20_000)


def test_a_conditional_model_asks_for_its_condition():
    model = Conditional(
        lambda c: exact.bind_table({"encoder": jnp.zeros((2, 3)), "decoder": TABLE._replace(prior_logits=c)})
    )
    x, condition = jnp.array(1), jnp.array([0.1, 0.2, 0.3])
    with pytest.raises(UsageError, match="without condition"):
        inference.importance(KEY, model, x)
    weigh = lambda *pair: inference.importance(KEY, *pair, num_samples=3).log_w
    given, expected = jax.jit(lambda: (weigh(model, Given(x, condition)), weigh(model.given(condition), x)))()
    np.testing.assert_array_equal(given, expected)


def test_the_standard_error_of_two_weights():
    """Of 1 and 3, whose mean is 2 and whose standard error 1."""
    weights = Weighted(None, jnp.log(jnp.array([1.0, 3.0])))
    np.testing.assert_allclose(weights.standard_error, 0.5, rtol=1e-6)


def test_what_has_no_weight_may_be_infinite():
    found = Weighted(jnp.array([1.0, 2.0, 4.0]), jnp.array([0.0, 0.0, -jnp.inf]))
    np.testing.assert_allclose(found.mean(jnp.array([[1.0, 2.0], [2.0, 4.0], [jnp.inf, jnp.nan]]))[0], 1.5)
    np.testing.assert_allclose(found.mean(), 1.5)
