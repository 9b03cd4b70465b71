"""log p(x) by quadrature over z, and its picture."""

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import pytest
from scipy.stats import multivariate_normal

from vaex import Model
from vaex.data import Dataset, Split
from vaex.distributions import OneHotCategorical
from vaex.errors import UsageError
from vaex.evaluate import Trial
from vaex.evaluate.quadrature import log_marginal
from vaex.figures import plane
from vaex.models import exact

WEIGHT = jnp.array([[1.0, 0.4, 0.2], [-0.3, 0.8, 0.1]])


def linear(num_latents):
    generator = exact.LinearGaussian(WEIGHT[:, :num_latents], jnp.array([0.5, -1.0]), jnp.array([0.1, 0.2]))
    return generator, Model(generator.prior(), generator.posterior, generator.decode)


def trial(num_latents):
    generator, model = linear(num_latents)
    x = jax.random.multivariate_normal(jax.random.key(0), generator.mean, generator.covariance(), (500,))
    split = Split(np.zeros((0, 2), np.uint8), np.zeros(0, np.int32))
    return generator, Trial(model, x, Dataset("", "", "", split, split, split), lambda key, split: x)


@pytest.mark.parametrize("num_latents", [1, 2])
def test_quadrature_of_a_linear_model_is_its_log_density(num_latents):
    """Out to seven deviations of p(x), where p(z|x) lies in the tail of p(z)."""
    generator, model = linear(num_latents)
    x = jax.random.normal(jax.random.key(0), (50, 2)) * jnp.array([1.2, 1.0]) + generator.mean
    found = jax.jit(lambda x: log_marginal(jax.random.key(1), model, x, num_nodes=900, chunk_size=70))(x)
    expected = multivariate_normal(generator.mean, generator.covariance()).logpdf(x)
    np.testing.assert_allclose(found, expected, atol=2e-3)


def test_the_grid_goes_where_the_prior_goes():
    """A prior far from the origin, and narrow: x is N(50, 0.01^2 + 0.1^2)."""
    model = Model(
        dist.Normal(jnp.array([50.0]), 0.01).to_event(1), lambda x: None, lambda z: dist.Normal(z, 0.1).to_event(1)
    )
    x = jnp.array([[49.9], [50.2]])
    found = jax.jit(lambda x: log_marginal(jax.random.key(1), model, x, num_nodes=100))(x)
    np.testing.assert_allclose(found, dist.Normal(50.0, np.hypot(0.01, 0.1)).log_prob(x)[:, 0], atol=1e-3)


@pytest.mark.parametrize("where", [(0.0, 1.0), (100.0, 1.0), (1000.0, 1.0), (50.0, 0.01)])
def test_the_step_of_a_fine_grid_is_no_difference_of_its_nodes(where):
    """Of ten thousand nodes at a distance of a few roundings."""
    mean, scale = where
    prior = dist.Normal(jnp.array([mean]), scale).to_event(1)
    model = Model(prior, lambda x: None, lambda z: dist.Normal(z, scale).to_event(1))
    x = jnp.array([[mean], [mean + scale]])
    found = jax.jit(lambda x: log_marginal(jax.random.key(1), model, x))(x)
    np.testing.assert_allclose(found, dist.Normal(mean, np.sqrt(2) * scale).log_prob(x)[:, 0], atol=1e-3)


@pytest.mark.parametrize(
    "prior",
    [
        dist.Normal(jnp.zeros(3), 1.0).to_event(1),
        dist.Normal(0.0, 1.0),
        dist.Normal(jnp.zeros((3, 2)), 1.0).to_event(2),
        dist.Bernoulli(jnp.full(2, 0.5)).to_event(1),
        OneHotCategorical(jnp.zeros((3, 2))).to_event(1),
        OneHotCategorical(jnp.zeros(2)),
    ],
    ids=["three", "number", "matrix", "binary", "one_hots", "one_hot"],
)
def test_other_latents_have_no_grid(prior):
    model = Model(prior, lambda x: prior, lambda z: dist.Normal(jnp.zeros(2), 1.0).to_event(1))
    with pytest.raises(UsageError, match=r"of one or two continuous latents: take evaluate.log_likelihood"):
        log_marginal(jax.random.key(0), model, jnp.zeros((1, 2)))


@pytest.mark.parametrize("num_latents", [2, 3])
def test_the_density_that_is_drawn_is_p_of_x_and_integrates_to_one(num_latents):
    """By quadrature, and by importance sampling from the exact posterior, which has no error."""
    generator, made = trial(num_latents)
    made = made._replace(num_samples=2, chunk_size=2, batch_size=1600)
    (x_1, x_2), p = plane.grid(jax.random.key(0), made, side=40)
    np.testing.assert_allclose(p.sum() * (x_1[1] - x_1[0]) * (x_2[1] - x_2[0]), 1, atol=0.01)
    points = np.stack(np.meshgrid(x_1, x_2), axis=-1)
    expected = multivariate_normal(generator.mean, generator.covariance()).pdf(points)
    np.testing.assert_allclose(p, expected, atol=1e-3 * expected.max())


def test_the_figure_has_the_points_beside_p_of_x():
    _, made = trial(1)
    figure = plane.density(jax.random.key(0), made, side=40)
    left, right = figure.axes[:2]
    np.testing.assert_array_equal(left.collections[0].get_offsets(), made.x)
    picture = right.images[0]
    row, column = np.unravel_index(np.argmax(picture.get_array()), picture.get_array().shape)
    x_1, x_2 = np.linspace(*picture.get_extent()[:2], 40), np.linspace(*picture.get_extent()[2:], 40)
    np.testing.assert_allclose([x_1[column], x_2[row]], [0.5, -1.0], atol=0.2)  # the mode
    assert plane.density(jax.random.key(0), made._replace(x=jnp.zeros((5, 8, 8, 1)))) is None
