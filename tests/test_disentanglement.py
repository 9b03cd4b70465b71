"""Scores of latents by known factors, on codes whose scores are known."""

import importlib
import itertools

import jax
import numpy as np
import pytest

from vaex import evaluate
from vaex.errors import OptionError, UsageError

KEY = jax.random.key(0)
FACTORS = np.array(list(itertools.product(range(4), range(4), range(5), [7])) * 8)  # the last does not vary
V = FACTORS[:, :2] - 1.5
NOISE = np.random.default_rng(0).normal(size=(len(FACTORS), 3))
CODES = {  # of one shape, for which one function is compiled
    "perfect": FACTORS[:, [2, 0, 1]] * np.array([0.5, -2.0, 1.0]),
    "doubled": FACTORS[:, [0, 0, 1]] * 1.0,
    "rotated": np.stack([V[:, 0] + V[:, 1], V[:, 0] - V[:, 1], np.zeros(len(V))], axis=1),
    "noise": NOISE,
    "constant": np.zeros((len(V), 3)),
}
OF_TWO = 1 - np.log(2) / np.log(3)  # the completeness of a factor that two of three latents tell of alike


def gap(code, scale=1e-2):
    return evaluate.information_gap(KEY, code.astype(np.float32), np.full(code.shape, scale, np.float32), FACTORS)


def test_mig_of_a_perfect_code_is_one_and_nothing_of_a_factor_that_is_told_twice():
    """Each latent of the perfect one tells all of one factor, log 4 or log 5 nats, and nothing of the others."""
    found, entropies = gap(CODES["perfect"]), np.log([4, 4, 5])
    np.testing.assert_allclose(found.mig, 1, atol=1e-5)
    np.testing.assert_allclose(found.entropy, entropies, rtol=1e-12)
    np.testing.assert_allclose(found.information, np.diag(entropies)[[2, 0, 1]], atol=1e-4)
    np.testing.assert_allclose(gap(CODES["doubled"]).mig, 1 / 3, atol=1e-5)  # of the second factor


def test_mig_of_a_code_turned_by_45_degrees():
    """I(v_1 + v_2; v_1) = H(v_1 + v_2) - log 4, of two independent factors of four values, and so for v_1 - v_2."""
    p = np.convolve(np.ones(4), np.ones(4)) / 16
    expected = np.zeros((3, 3))
    expected[:2, :2] = -np.sum(p * np.log(p)) - np.log(4)
    found = gap(CODES["rotated"])
    np.testing.assert_allclose(found.information, expected, atol=1e-4)
    np.testing.assert_allclose(found.mig, 0, atol=1e-4)


def test_mig_of_the_prior_is_zero_and_of_overlapping_codes_that_by_quadrature():
    """I of z ~ N(v, 1), v one of -1.5, -0.5, 0.5, 1.5, within five standard errors of 640 draws."""
    code = np.zeros((len(FACTORS), 3))
    assert gap(code, 1.0).mig == 0
    z = np.linspace(-9, 9, 4001)
    p = np.exp(-0.5 * (z - np.unique(V[:, 0])[:, None]) ** 2) / (2 * np.pi) ** 0.5
    log_ratio = np.log(p) - np.log(p.mean(axis=0))
    mean, square = (np.trapezoid((p * log_ratio**power).mean(axis=0), z) for power in (1, 2))
    code[:, 0] = V[:, 0]
    found = gap(code, 1.0).information[0, 0]
    np.testing.assert_allclose(found, mean, atol=5 * ((square - mean**2) / len(V)) ** 0.5)


@pytest.mark.parametrize(
    ("name", "factors", "expected"),
    [
        ("perfect", FACTORS, 1),
        ("doubled", FACTORS[:, :2], 1),
        ("rotated", FACTORS[:, :2], 1 / 2),
        ("noise", FACTORS, 1 / 3),
    ],
)
def test_factor_vae_s_score(name, factors, expected):
    """By chance 1 / F, within five standard errors of 800 votes; of a turned code both latents vary alike."""
    found = evaluate.factor_vae_score(KEY, CODES[name], factors)
    assert abs(found - expected) <= 5 * (expected * (1 - expected) / 800) ** 0.5


def test_factor_vae_s_score_has_no_vote_of_a_latent_that_is_not_active():
    code = np.concatenate([CODES["perfect"], 1e-3 * NOISE], axis=1)
    assert evaluate.factor_vae_score(KEY, code, FACTORS) == 1
    assert abs(evaluate.factor_vae_score(KEY, 1e-3 * NOISE, FACTORS) - 1 / 3) < 0.1


@pytest.mark.parametrize("per_value", [2, 3, 5])
def test_factor_vae_s_score_has_no_vote_where_two_factors_stand_still(per_value):
    """Of a perfect code: a few examples of a value may have one value of the other factor, too."""
    rng = np.random.default_rng(0)
    factors = np.stack([rng.integers(2, size=300), rng.permutation(np.arange(300) // per_value)], axis=1)
    for code in (factors, factors[:, ::-1]):
        assert evaluate.factor_vae_score(KEY, code / code.std(axis=0), factors) == 1
    alone = np.stack([factors[:, 0], np.arange(300)], axis=1)  # of which the second cannot be told from the first
    assert 0 < evaluate.factor_vae_score(KEY, alone / alone.std(axis=0), alone) < 1


@pytest.mark.parametrize(
    ("name", "factors", "disentangled", "complete", "error"),
    [
        ("perfect", FACTORS, (1, 1), (1, 1), (0, 0)),
        ("doubled", FACTORS[:, :2], (1, 1), ((1 + OF_TWO) / 2, 0.75), (0, 0)),
        ("rotated", FACTORS[:, :2], (0, 0.05), (OF_TWO, 0.4), (0, 0)),
        ("noise", FACTORS, (0, 0.05), (0, 0.05), (1, 1.3)),
    ],
)
def test_dci(name, factors, disentangled, complete, error):
    found = evaluate.dci(KEY, CODES[name], factors)
    for score, (low, high) in zip(found, (disentangled, complete, error), strict=False):
        assert low - 2e-3 <= score <= high + 2e-3
    np.testing.assert_allclose(found.importance.sum(axis=0), 1, rtol=1e-6)


@pytest.mark.parametrize("num_latents", [1, 3])
def test_a_code_that_tells_nothing_is_neither_disentangled_nor_complete(num_latents):
    """No tree finds anything to split by; each predicts the mean, and misses by a standard deviation."""
    found = evaluate.dci(KEY, CODES["constant"][:, :num_latents], FACTORS)
    np.testing.assert_allclose((found.disentanglement, found.completeness), 0, atol=1e-12)
    np.testing.assert_allclose(found.error, 1, rtol=0.05)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: evaluate.dci(KEY, NOISE, FACTORS[:9]), r"factors have shape \(9, 4\), and codes \(640, 3\)"),
        (lambda: gap(NOISE, 0.0), r"scale has a value that is not above 0"),
        (lambda: evaluate.dci(KEY, NOISE, FACTORS[:, 3:]), r"each of 1 factors has one value"),
        (lambda: evaluate.dci(KEY, NOISE * np.nan, FACTORS), r"codes are not all finite"),
    ],
)
def test_what_cannot_be_scored_is_told(call, message):
    with pytest.raises(UsageError, match=message):
        call()
    with pytest.raises(OptionError, match="num_votes is 0"):
        evaluate.factor_vae_score(KEY, NOISE, FACTORS, num_votes=0)


def test_a_latent_that_tells_nothing_and_its_unit_are_nothing_to_a_score():
    code = np.concatenate([CODES["perfect"], np.zeros((len(FACTORS), 3))], axis=1)
    assert evaluate.dci(KEY, code, FACTORS).disentanglement > 0.99
    some = CODES["perfect"] + 0.3 * NOISE
    scores = [evaluate.factor_vae_score(KEY, some * np.array(units), FACTORS) for units in ([1, 1, 1], [1, 1e2, 1e4])]
    assert scores[0] == scores[1]


def test_an_estimate_below_zero_is_nothing_to_mig(monkeypatch):
    of_noise = -0.01 * np.arange(1, 10).reshape(3, 3)
    monkeypatch.setattr(importlib.import_module("vaex.evaluate.information_gap"), "_information", lambda *_: of_noise)
    assert gap(CODES["noise"]).mig == 0
