"""Densities in the plane: what is drawn from them, and their exact log p(x)."""

import numpy as np
import pytest
from scipy.stats import multivariate_normal

from vaex.data.sources.densities import DENSITIES, NUM_TEST, NUM_TRAIN, points
from vaex.errors import UsageError

KNOWN = {name: density.log_prob for name, density in DENSITIES.items() if density.log_prob is not None}


@pytest.mark.parametrize("name", KNOWN)
def test_a_density_integrates_to_one_and_is_that_of_its_points(name):
    """Of the points the means of log p, x and x^2 are those by quadrature, within five standard errors."""
    drawn, step = points(name)["train_images"].astype(float), 0.04
    axes = [np.arange(x.min() - 0.6, x.max() + 0.6, step) for x in drawn.T]
    grid = np.stack(np.meshgrid(*axes), axis=-1).reshape(-1, 2)
    log_p = KNOWN[name]
    p = np.exp(on_grid := log_p(grid)) * step**2
    np.testing.assert_allclose(p.sum(), 1, atol=1e-5)
    features = lambda x, log_p: np.column_stack([log_p, x, x**2, x[:, 0] * x[:, 1]])
    found, expected = features(drawn, log_p(drawn)), p @ features(grid, on_grid)
    np.testing.assert_array_less(np.abs(found.mean(0) - expected), 5 * found.std(0) / len(drawn) ** 0.5)


def test_eight_gaussians_are_scipys():
    x = np.random.default_rng(1).normal(0, 3, (50, 2))
    centres = [2 * 2**0.5 * np.array([np.cos(a), np.sin(a)]) for a in np.linspace(0, 2 * np.pi, 9)[:8]]
    p = np.mean([multivariate_normal(centre, 0.125 * np.eye(2)).pdf(x) for centre in centres], axis=0)
    np.testing.assert_allclose(KNOWN["eight_gaussians"](x), np.log(p), rtol=1e-8)


def test_a_pinwheel_without_its_turn_is_five_gaussians():
    """Each arm turned back lies about (2, 0), with deviations of 0.6 and 0.2."""
    found = points("pinwheel")
    complex_x = found["train_images"] @ np.array([1, 1j])
    # |x| tells how far along an arm a point is, and so how far it was turned, but for its small distance across.
    turned_back = complex_x * np.exp(
        -1j * (2 * np.pi / 5 * found["train_labels"] + 0.25 * np.exp(np.abs(complex_x) / 2))
    )
    mean = turned_back.mean()
    assert abs(mean - 2) < 0.02
    np.testing.assert_allclose([turned_back.real.std(), turned_back.imag.std()], [0.6, 0.2], rtol=0.05)


@pytest.mark.parametrize("name", DENSITIES)
def test_points_are_the_same_each_time_and_as_many_as_is_said(name):
    first, again = points(name), points(name)
    for key, array in first.items():
        np.testing.assert_array_equal(array, again[key])
    assert (first["train_images"].shape, first["test_images"].shape) == ((NUM_TRAIN, 2), (NUM_TEST, 2))
    assert not np.isin(first["test_images"][:, 0], first["train_images"][:, 0]).any()
    share = np.bincount(first["train_labels"]) / NUM_TRAIN
    np.testing.assert_allclose(share, 1 / DENSITIES[name].num_parts, atol=0.02)


def test_a_density_that_there_is_not():
    with pytest.raises(UsageError, match=r"is 'two_moon': expected one of two_moons, .*nearest: two_moons"):
        points("two_moon")
