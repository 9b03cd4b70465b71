"""The Student-t likelihood against scipy, and its learned scale at the maximum of the likelihood."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.stats

from vaex.errors import OptionError
from vaex.models.likelihoods import gaussian_pixel, student_t

SHAPE = (3, 2, 1)
RNG = np.random.default_rng(0)
RAW, X = RNG.normal(size=(2, *SHAPE)).astype(np.float32)


def test_its_density_is_scipys():
    likelihood = student_t(x_shape=SHAPE, sigma=0.7, degrees=3.0)
    found = jax.jit(lambda key, raw: likelihood.apply(likelihood.init(key), raw).log_prob(X))(jax.random.key(0), RAW)
    np.testing.assert_allclose(found, scipy.stats.t.logpdf(X, 3.0, RAW, 0.7).sum(), rtol=1e-5)


def test_many_degrees_are_a_gaussian():
    heavy, normal = student_t(x_shape=SHAPE, sigma=1.0, degrees=1e3), gaussian_pixel(x_shape=SHAPE, sigma=1.0)
    density = jax.jit(lambda key, raw: [one.apply(one.init(key), raw).log_prob(X) for one in (heavy, normal)])
    np.testing.assert_allclose(*density(jax.random.key(0), RAW), rtol=0.01)


def test_the_scale_of_each_pixel_is_learned():
    """The gradient with respect to a pixel's log sigma is zero at scipy's fit of it, and not elsewhere."""
    data = scipy.stats.t.rvs(4.0, 0.0, 0.3, size=4000, random_state=1)
    _, _, scale = scipy.stats.t.fit(data, fdf=4.0, floc=0.0)
    likelihood = student_t(x_shape=(1,))
    x = jnp.asarray(data, jnp.float32)[:, None]

    def mean(log_sigma):
        p = likelihood.apply({"log_sigma": log_sigma[None]}, jnp.zeros(1))
        return jnp.mean(jax.vmap(p.log_prob)(x))

    slope = jax.jit(jax.grad(mean))
    assert abs(slope(jnp.log(scale))) < 1e-3
    assert abs(slope(jnp.log(2 * scale))) > 0.1


def test_what_cannot_be_is_refused():
    with pytest.raises(OptionError, match="degrees is 0: expected a number above 1, from where on"):
        student_t(x_shape=SHAPE, degrees=0)
