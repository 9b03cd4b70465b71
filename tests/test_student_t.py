"""The Student-t likelihood against scipy, and its learned scale at the maximum of the likelihood."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.stats

from vaex.distributions import StudentT
from vaex.distributions.rescaled import rescaled
from vaex.errors import OptionError
from vaex.models.column_parts import REAL, Options
from vaex.models.columns import Column
from vaex.models.likelihoods import gaussian_pixel, student_t

SHAPE = (3, 2, 1)
RNG = np.random.default_rng(0)
RAW, X = RNG.normal(size=(2, *SHAPE)).astype(np.float32)


def test_its_density_is_scipys():
    likelihood = student_t(x_shape=SHAPE, sigma=0.7, degrees=3.0)
    found = jax.jit(lambda key, raw: likelihood.apply(likelihood.init(key), raw).log_prob(X))(jax.random.key(0), RAW)
    np.testing.assert_allclose(found, scipy.stats.t.logpdf(X, 3.0, RAW, 0.7).sum(), rtol=1e-5)


@pytest.mark.parametrize("degrees", [1.001, 30.0, 1e4, 1e6, 1e7, 1e12])
def test_its_density_keeps_its_digits_with_many_degrees(degrees):
    x = np.linspace(-4, 4, 9, dtype=np.float32)
    expected = scipy.stats.t.logpdf(x, np.float64(np.float32(degrees)), 0.3, 0.7)
    found = jax.jit(lambda x: StudentT(degrees, 0.3, 0.7).log_prob(x))(x)
    np.testing.assert_allclose(found, expected, rtol=2e-6, atol=2e-6)


@pytest.mark.parametrize("real", ["student_t", "student_t_output"])
def test_of_a_tables_columns_too(real):
    part = REAL[real]((Column("a", "real", 2.0, 3.0),), Options(degrees=1e30))
    params = jax.tree.map(jnp.asarray, part.init)
    found = part.apply(params, jnp.asarray(part.start, jnp.float32)).log_prob(jnp.array([4.0]))
    np.testing.assert_allclose(found, scipy.stats.norm.logpdf(4.0, 2.0, 3.0), rtol=1e-4)


def test_it_is_rescaled_with_its_digits():
    found = rescaled(StudentT(1e8, 0.5, 1.0).to_event(0), 2.0, 3.0).log_prob(jnp.float32(4.0))
    np.testing.assert_allclose(found, scipy.stats.norm.logpdf(4.0, 3.5, 3.0), rtol=1e-6)


def test_many_degrees_are_a_gaussian():
    heavy, normal = student_t(x_shape=SHAPE, sigma=1.0, degrees=1e30), gaussian_pixel(x_shape=SHAPE, sigma=1.0)
    density = jax.jit(lambda key, raw: [one.apply(one.init(key), raw).log_prob(X) for one in (heavy, normal)])
    np.testing.assert_allclose(*density(jax.random.key(0), RAW), rtol=1e-6)


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
    with pytest.raises(OptionError, match=r"degrees is 1e\+31: expected a finite number of at most 1e\+30"):
        student_t(x_shape=SHAPE, degrees=1e31)
