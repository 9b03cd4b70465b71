"""Scikit-learn's interface: its own checks, and scores against the exact density of a linear model."""

from typing import Any

import jax
import numpy as np
import pytest
import scipy.stats
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import check_estimator

from vaex.errors import OptionError, UsageError
from vaex.sklearn import VAETransformer
from vaex.sklearn.programs import build_programs


@pytest.fixture(scope="module")
def rows():
    """Three columns of one factor, in units of their own."""
    factor, noise = np.random.default_rng(0).normal(size=(200, 1)), np.random.default_rng(1).normal(size=(200, 3))
    return (factor * [1.0, -1.0, 0.5] + 0.3 * noise) * [1.0, 100.0, 0.01] + [0.0, 5.0, 1.0]


@pytest.fixture(scope="module")
def linear(rows):
    return VAETransformer(1, hidden_layer_sizes=(), max_iter=40, n_draws=2000, random_state=0).fit(rows)


@pytest.fixture(scope="module")
def exact(linear):
    """The mean and the covariance of p(x) in the units of the rows: x = s (W z + b + sigma noise) + m."""
    zero, one = linear.inverse_transform([[0.0], [1.0]])
    weights = (one - zero)[:, None]
    sigma = np.exp(linear.params_["likelihood"]["log_sigma"]) * linear.scale_
    return zero, weights @ weights.T + np.diag(sigma**2)


def test_scikit_learns_own_checks():
    results = check_estimator(VAETransformer(max_iter=3, hidden_layer_sizes=(), n_draws=2), on_skip=None)
    assert {result["check_name"] for result in results if result["status"] == "skipped"} <= {"check_array_api_input"}
    assert sum(result["status"] == "passed" for result in results) > 40


def test_scores_are_exact_where_the_model_is_linear(linear, exact, rows):
    """Within five standard errors of 2,000 weights, whose relative deviation is below 1 here."""
    expected = scipy.stats.multivariate_normal(*exact).logpdf(rows[:50])
    np.testing.assert_allclose(linear.score_samples(rows[:50]), expected, atol=5 / np.sqrt(2000))


def test_of_a_row_with_gaps_the_marginal_is_scored(linear, exact, rows):
    center, covariance = exact
    gaps = np.where([True, True, False], rows[:50], np.nan)  # of what says least, so that q hardly misses it
    expected = scipy.stats.multivariate_normal(center[:2], covariance[:2, :2]).logpdf(gaps[:, :2])
    np.testing.assert_allclose(linear.score_samples(gaps), expected, atol=5 / np.sqrt(2000))


def test_a_column_of_one_value_is_not_scored_and_is_given_back(rows):
    """However long it trains: a sigma that shrinks with it would be likelihood without end."""
    both = np.column_stack([rows, np.full(len(rows), 7.0)])
    fitted = small(0).fit(both)
    shifted = both + np.array([0.0, 0.0, 0.0, 1.0])
    np.testing.assert_array_equal(fitted.score_samples(both[:9]), fitted.score_samples(shifted[:9]))
    np.testing.assert_array_equal(fitted.inverse_transform(fitted.transform(both[:9]))[:, 3], 7.0)
    np.testing.assert_array_equal(fitted.sample(5, random_state=0)[:, 3], 7.0)


def test_samples_have_the_moments_of_the_model(linear, exact):
    center, covariance = exact
    drawn = linear.sample(20_000, random_state=3)
    deviation = np.sqrt(np.diag(covariance))
    np.testing.assert_allclose((drawn.mean(axis=0) - center) / deviation, 0.0, atol=5 / np.sqrt(20_000))
    correlation = covariance / np.outer(deviation, deviation)
    np.testing.assert_allclose(np.corrcoef(drawn.T), correlation, atol=5 / np.sqrt(20_000))


def small(seed):
    """An estimator whose programs these tests share."""
    return VAETransformer(1, hidden_layer_sizes=(4,), max_iter=3, n_draws=2, random_state=seed)


def test_units_change_scores_by_the_jacobian_alone(rows):
    one = small(1)
    before = one.fit(rows).score_samples(rows)
    after = one.fit(rows * 1024).score_samples(rows * 1024)  # a power of two, so that nothing is rounded
    np.testing.assert_allclose(after, before - 3 * np.log(1024), atol=1e-4)


def test_fits_share_what_is_compiled_and_other_seeds_give_other_fits(rows):
    epochs: Any = build_programs(3, 1, (4,), 2).epochs
    first, num_compiled = small(1).fit(rows).transform(rows), epochs._cache_size()
    fits = [first, *(small(seed).fit(rows).transform(rows) for seed in (1, 2))]
    assert epochs._cache_size() == num_compiled > 0
    np.testing.assert_array_equal(fits[0], fits[1])
    assert np.abs(fits[0] - fits[2]).max() > 0


def test_it_stands_in_a_pipeline_under_a_grid_search(rows):
    rates = {"vaetransformer__learning_rate": [1e-5, 3e-2]}
    search = GridSearchCV(make_pipeline(StandardScaler(), small(0)), rates, cv=2)
    assert search.fit(rows).best_params_ == {"vaetransformer__learning_rate": 3e-2}
    assert list(search.best_estimator_[-1].get_feature_names_out()) == ["vaetransformer0"]


def test_a_column_without_a_value_is_refused(rows):
    rows = np.where(np.arange(rows.shape[1]) == 1, np.nan, rows)
    with pytest.raises(UsageError, match=r"^column 1 of X has no value in any row: leave it out$"):
        small(0).fit(rows)


def test_columns_are_constant_as_those_of_scikit_learn():
    """Times of day in seconds since 1970, a value that rounding alone moves, and one far from 0 that hardly varies."""
    noise = np.random.default_rng(2).normal(size=(60, 4))
    rows = noise * [1e3, 0.0, 1e-4, 1e-20] + [1.7e9, 0.1, 1e6, 0.0]
    rows[::2, 1] = 0.3 - 0.2  # the last digit is another
    found = VAETransformer(1, hidden_layer_sizes=[4], max_iter=1, n_draws=2, random_state=0).fit(rows)
    np.testing.assert_allclose(found.scale_, StandardScaler().fit(rows).scale_, rtol=1e-6)
    assert found.elbo_[0] > -100


def test_what_was_fitted_stays_whatever_is_set_for_the_next_fit(rows):
    one = small(0).set_params(hidden_layer_sizes=4).fit(rows)
    before = one.transform(rows)
    one.set_params(n_components=3, hidden_layer_sizes=(7, 7))
    np.testing.assert_array_equal(one.transform(rows), before)
    assert one.inverse_transform(before).shape == rows.shape


@pytest.mark.parametrize(
    ("option", "value"),
    [("n_components", 0), ("max_iter", 0), ("learning_rate", -1.0), ("n_draws", 0), ("random_state", 2**32)],
)
def test_options_that_cannot_be(rows, option, value):
    with pytest.raises(OptionError, match=f"{option} is {value}"):
        VAETransformer(**{option: value}).fit(rows)


def test_options_that_are_missing(rows):
    for option in ("n_components", "hidden_layer_sizes", "learning_rate", "max_iter", "batch_size", "n_draws"):
        with pytest.raises(OptionError, match=f"{option} is not set: expected a number"):
            VAETransformer(**{option: None}).fit(rows)


def test_a_fit_that_diverges_is_told(rows):
    with pytest.raises(UsageError, match=r"the ELBO became non-finite in epoch \d+: lower learning_rate"):
        VAETransformer(1, hidden_layer_sizes=(), learning_rate=1e30, max_iter=3, random_state=0).fit(rows)


def test_a_fit_that_fails_leaves_the_one_before_it(rows):
    fitted = VAETransformer(1, hidden_layer_sizes=(), max_iter=3, random_state=0)
    with pytest.raises(UsageError, match="non-finite"):
        fitted.set_params(learning_rate=1e30).fit(rows)
    with pytest.raises(NotFittedError):
        fitted.transform(rows)
    score = fitted.set_params(learning_rate=1e-3).fit(rows).score(rows)
    with pytest.raises(UsageError, match="non-finite"):
        fitted.set_params(learning_rate=1e30).fit(100 + 50 * rows)
    assert fitted.score(rows) == score


def test_latents_of_another_size(linear):
    with pytest.raises(ValueError, match=r"Z has shape \(2, 3\): expected \[N, 1\]"):
        linear.inverse_transform(np.zeros((2, 3)))
    assert jax.tree.all(jax.tree.map(lambda a: type(a) is np.ndarray, linear.params_))  # picklable anywhere
