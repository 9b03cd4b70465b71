"""Densities of draws under a batch's posteriors, and their gradients, against the formula in float64."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import pytest
import scipy

from vaex.objectives import pairwise

M, D = 9, 5
RNG = np.random.default_rng(0)
MEAN, LOG_SIGMA, NOISE = RNG.normal(size=(M, D)), RNG.normal(size=(M, D)) / 2, RNG.normal(size=(M, D))
WEIGHTS = RNG.normal(size=(3, M))  # of own, joint and marginals: what is differentiated is their sum
TWINS = np.repeat(MEAN[: M // 2 + 1], 2, axis=0)[:M]
CASES = {  # means, log sigma, and how far off values (nats) and gradients (of their largest) may be
    "plain": (MEAN, LOG_SIGMA - 1.5, 1e-5, 1e-5),
    "far from zero": (100 + MEAN, LOG_SIGMA - 1.5, 1e-4, 1e-4),
    "narrow": (3 * MEAN, LOG_SIGMA - 7, 2e-3, 5e-4),
    "narrow twins": (3 * TWINS, np.full((M, D), -4.0), 0.01, 2e-3),
    "uneven": (MEAN, np.where(RNG.random((M, D)) < 0.5, -25.0, 25.0), 3e-5, 1e-5),
}


def in_float64(z, mean, sigma):
    """The three densities, and the gradients of their weighted sum in z, mean and log sigma."""
    u = (z[None] - mean[:, None]) / sigma[:, None]  # [m, i, j]
    pairs = scipy.stats.norm.logpdf(u) - np.log(sigma)[:, None]
    whole, own = pairs.sum(axis=-1), np.eye(M)[..., None]
    values = np.diag(whole), scipy.special.logsumexp(whole, axis=0), scipy.special.logsumexp(pairs, axis=0).sum(axis=-1)
    shares = own, scipy.special.softmax(whole, axis=0)[..., None], scipy.special.softmax(pairs, axis=0)
    w = sum(weights[:, None] * share for weights, share in zip(WEIGHTS, shares, strict=True))
    slope = w * u / sigma[:, None]
    return values, (-slope.sum(axis=0), slope.sum(axis=1), (w * (u**2 - 1)).sum(axis=1))


@functools.cache
def compiled():
    def found(z, mean, log_sigma):
        qs = jax.vmap(lambda m, s: dist.Normal(m, s).to_event(1))(mean, jnp.exp(log_sigma))
        values = pairwise.densities(qs, z)
        return sum(jnp.sum(w * v) for w, v in zip(WEIGHTS, values, strict=True)), values

    return jax.jit(jax.value_and_grad(found, (0, 1, 2), has_aux=True))


@pytest.mark.parametrize("case", CASES)
def test_normal_posteriors_have_the_densities_and_gradients_of_the_formula(case, monkeypatch):
    """Two dimensions at a time, and the last alone."""
    monkeypatch.setattr(pairwise, "_PAIRS", 2 * M**2)
    mean, log_sigma, off, off_gradient = CASES[case]
    mean, log_sigma = np.float32(mean), np.float32(log_sigma)
    sigma = np.exp(np.float64(log_sigma))
    z = np.float32(mean + sigma * NOISE)
    (_, values), gradients = compiled()(z, mean, log_sigma)
    # What float32 has made of z is what both are of.
    expected, slopes = in_float64(np.float64(z), np.float64(mean), sigma)
    for a, b in zip(values, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-6, atol=off)
    for a, b in zip(gradients, slopes, strict=True):
        np.testing.assert_allclose(a, b, rtol=0, atol=off_gradient * np.abs(b).max())


def test_any_other_posterior_has_them_pair_by_pair():
    """Of a Laplace's density the sum over the batch, by numpyro and scipy."""
    qs = jax.vmap(lambda m, s: dist.Laplace(m, s).to_event(1))(MEAN, np.exp(LOG_SIGMA))
    z = jnp.asarray(MEAN + NOISE)
    pairs = scipy.stats.laplace.logpdf(np.asarray(z)[None], MEAN[:, None], np.exp(LOG_SIGMA)[:, None])
    found = jax.jit(pairwise.densities)(qs, z)
    np.testing.assert_allclose(found.own, np.diag(pairs.sum(axis=-1)), rtol=1e-5)
    np.testing.assert_allclose(found.joint, scipy.special.logsumexp(pairs.sum(axis=-1), axis=0), rtol=1e-5)
    np.testing.assert_allclose(found.marginals, scipy.special.logsumexp(pairs, axis=0).sum(axis=-1), rtol=1e-5)
