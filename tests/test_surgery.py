"""The parts of the KL, of posteriors whose average is known."""

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import pytest

from experiments.studies import rate_distortion
from tests.models import normal
from vaex import Model, evaluate

SQUARE = np.array([[-1, -1], [-1, 1], [1, -1], [1, 1]] * 100, np.float32)
DIAGONAL = np.array([[-1, -1], [1, 1]] * 200, np.float32)


@jax.jit
def parts(batch, by):
    return evaluate.surgery(jax.random.key(0), Model(normal(jnp.zeros(2)), lambda x: normal(by * x), normal), batch)


def one_dimension(by):
    """Of z ~ N(x, 1), x = -by or by: I(x; z), KL(q(z) || p(z)), and the variances of what both are means of."""
    z = np.linspace(-12 - by, 12 + by, 4001)
    p = np.exp(-0.5 * (z - np.array([[-by], [by], [0]])) ** 2) / (2 * np.pi) ** 0.5 + 1e-300
    q = (p[0] + p[1]) / 2
    for weight, ratio in ((p[1], np.log(p[1] / q)), (q, np.log(q / p[2]))):
        mean, square = (np.trapezoid(weight * ratio**power, z) for power in (1, 2))
        yield mean, square - mean**2


@pytest.mark.parametrize("by", [0.5, 1.0])
def test_of_independent_dimensions_each_part_is_that_of_one_by_quadrature(by):
    """Means on a square: q(z) is a product, without total correlation; within five standard errors of 400 draws."""
    (information, spread), (marginal, spread_marginal) = one_dimension(by)
    found = parts(SQUARE, by)
    np.testing.assert_allclose(found.mutual_information, 2 * information, atol=5 * (2 * spread / 400) ** 0.5)
    np.testing.assert_allclose(found.marginal_kl, 2 * marginal, atol=5 * (2 * spread_marginal / 400) ** 0.5)
    np.testing.assert_allclose(found.dimension_kl, marginal, atol=5 * (spread_marginal / 400) ** 0.5)
    np.testing.assert_allclose(found.total_correlation, 0, atol=1e-5)


def test_in_their_limits():
    """Posteriors that are the prior; and two far apart, of which each dimension tells all: log 2 of each kind."""
    nothing = parts(SQUARE, 0.0)
    assert all(np.abs(part).max() < 1e-6 for part in nothing)
    found = parts(DIAGONAL, 20.0)
    np.testing.assert_allclose([found.mutual_information, found.total_correlation], np.log(2), rtol=1e-5)
    np.testing.assert_allclose(found.marginal_kl, found.total_correlation + found.dimension_kl.sum(), rtol=1e-6)


def test_latents_that_depend_on_each_other_have_no_kl_of_each():
    covariance = jnp.array([[1.0, 0.5], [0.5, 1.0]])
    q = lambda x: dist.MultivariateNormal(x, covariance)
    model = Model(dist.Normal(jnp.zeros(2), 1.0).to_event(1), q, lambda z: dist.Normal(z, 1.0).to_event(1))
    found = jax.jit(lambda x: evaluate.surgery(jax.random.key(0), model, x))(jnp.zeros((4, 2)))
    assert found.total_correlation is found.dimension_kl is None
    np.testing.assert_allclose(found.mutual_information, 0, atol=1e-6)


def test_a_larger_beta_takes_less_rate_and_leaves_more_distortion():
    """Of images with one bit each: below beta = 1 the latent carries it, and far above it carries none."""
    images = jnp.asarray(np.random.default_rng(0).integers(0, 2, (200, 1)) * np.full((1, 12), 255.0), jnp.float32)
    sizes = {"latent_dim": 1, "hidden": 8, "num_epochs": 100, "batch_size": 50}
    traded = rate_distortion.trade(images, images, (0.2, 20.0), **sizes)
    plain = rate_distortion.without_latents(np.asarray(images), np.asarray(images))
    assert plain == pytest.approx(12 * np.log(2), abs=0.1)
    assert traded.rate[0] > 0.4 > 0.02 > traded.rate[1]
    assert traded.distortion[0] < plain - 1
    assert traded.distortion[1] == pytest.approx(plain, abs=0.1)
    corner = traded._replace(rate=[3, 1, 1], distortion=[1, 5, 5])
    assert rate_distortion.slopes((1.0, 4.0, 9.0), corner) == [(2.0, 2.0)]
