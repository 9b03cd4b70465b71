"""Bounds against numpy, and their order."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.special

from vaex import bounds

LOG_W = jnp.asarray(np.random.default_rng(0).normal(scale=5, size=(6, 4)), jnp.float32)
NUMPY = {
    "elbo": lambda w: w.mean(0),
    "iwae": lambda w: scipy.special.logsumexp(w, axis=0) - np.log(len(w)),
    "renyi": lambda w: (scipy.special.logsumexp(0.6 * w, axis=0) - np.log(len(w))) / 0.6,
}
BOUNDS = {"elbo": bounds.elbo, "iwae": bounds.iwae, "renyi": functools.partial(bounds.renyi, alpha=0.4)}


@pytest.mark.parametrize("name", BOUNDS)
def test_matches_numpy_plain_jitted_and_vmapped(name):
    expected = NUMPY[name](np.asarray(LOG_W, np.float64))
    for f in (BOUNDS[name], jax.jit(BOUNDS[name]), jax.jit(jax.vmap(BOUNDS[name], in_axes=1))):
        np.testing.assert_allclose(f(LOG_W), expected, rtol=1e-5)


def test_iwae_lies_between_the_mean_and_the_maximum():
    assert (bounds.iwae(LOG_W) >= bounds.elbo(LOG_W)).all()
    assert (bounds.iwae(LOG_W) <= LOG_W.max(0)).all()


def test_one_sample_makes_them_equal():
    np.testing.assert_allclose(bounds.iwae(LOG_W[:1]), bounds.elbo(LOG_W[:1]), rtol=1e-6)


def test_the_gradient_of_iwae_is_the_normalized_weights():
    grads = jax.jit(jax.grad(lambda w: bounds.iwae(w).sum()))(LOG_W)
    np.testing.assert_allclose(grads, scipy.special.softmax(np.asarray(LOG_W), axis=0), rtol=1e-5, atol=1e-7)


def test_weights_that_would_overflow():
    np.testing.assert_allclose(bounds.iwae(jnp.array([-1e4, -1e4])), -1e4, rtol=1e-6)
    np.testing.assert_allclose(bounds.iwae(jnp.array([1e4, -jnp.inf])), 1e4 - np.log(2), rtol=1e-6)
