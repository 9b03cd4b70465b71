"""Bounds against numpy, and their order."""

import functools
import inspect

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.special

from vaex import OptionError, UsageError, bounds

pytestmark = pytest.mark.exact

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


def test_renyi_keeps_its_digits_and_its_gradients_near_one():
    """Against float64, measured from the mean of log w, and the gradient softmax((1 - alpha) log w)."""
    log_w = np.float32(np.random.default_rng(1).normal(size=(5, 100)) * 3 - 90)
    w = np.float64(log_w)
    alphas = (0.5, 0.9, 0.99, 0.9999, 1.00001, 1 - 1e-9, 1 + 1e-15, 1.7)
    f = lambda w, a: (bounds.renyi(w, alpha=a), jax.grad(lambda w: bounds.renyi(w, alpha=a).sum())(w))
    for alpha, (found, slope) in zip(alphas, jax.jit(lambda w: [f(w, a) for a in alphas])(log_w), strict=True):
        scaled = (1 - alpha) * (w - w.mean(0))
        np.testing.assert_allclose(
            found, w.mean(0) + np.log1p(np.expm1(scaled).mean(0)) / (1 - alpha), atol=3e-5, err_msg=str(alpha)
        )
        np.testing.assert_allclose(slope, scipy.special.softmax(scaled, axis=0), rtol=1e-4)


def test_renyi_where_weights_are_zero():
    """w^(1 - alpha) is 0 below alpha = 1, and above it infinite."""
    log_w = jnp.array([-3.0, -jnp.inf, -4.0])
    f = jax.jit(lambda w: [jax.value_and_grad(lambda w: bounds.renyi(w, alpha=a))(w) for a in (0.5, 1.5)])  # noqa: B023
    (below, slope), (above, still) = f(log_w)
    np.testing.assert_allclose(below, 2 * np.log((np.exp(-1.5) + np.exp(-2)) / 3), rtol=1e-5)
    np.testing.assert_allclose(slope, scipy.special.softmax([-1.5, -np.inf, -2]), rtol=1e-5)
    assert above == -np.inf
    assert not still.any()


def test_renyi_where_weights_are_infinite():
    """w^(1 - alpha) is infinite below alpha = 1, and above it 0."""
    log_w = jnp.array([-3.0, jnp.inf, -4.0])
    below, above, all_of_them = (bounds.renyi(w, alpha=a) for w, a in ((log_w, 0.5), (log_w, 1.5), (log_w[1:2], 1.5)))
    assert below == np.inf
    np.testing.assert_allclose(above, -2 * np.log((np.exp(1.5) + np.exp(2)) / 3), rtol=1e-5)
    assert all_of_them == np.inf


@pytest.mark.parametrize("name", BOUNDS)
@pytest.mark.parametrize("shape", [(0,), (0, 3)])
def test_no_draws_have_no_bound(name, shape):
    with pytest.raises(UsageError, match=r"log_w has shape .*: expected \[K, ...\], of K draws, at least one"):
        BOUNDS[name](jnp.zeros(shape))


def test_far_alphas_have_the_extremes_for_their_limits():
    for alpha in (1e20, 1e39, 1e300):
        np.testing.assert_allclose(bounds.renyi(LOG_W, alpha=alpha), LOG_W.min(axis=0), rtol=1e-6)
        np.testing.assert_allclose(bounds.renyi(LOG_W, alpha=-alpha), LOG_W.max(axis=0), rtol=1e-6)


def test_an_alpha_that_is_not_known_when_it_is_traced_is_refused():
    with pytest.raises(OptionError, match=r"alpha is .*: expected a finite number, known while this"):
        jax.jit(lambda alpha: inspect.unwrap(bounds.renyi)(LOG_W, alpha=alpha))(0.5)
