"""Studies that show what an ELBO and its gradients are, against quadrature and exact gradients."""

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
from jax.flatten_util import ravel_pytree
from matplotlib.animation import FuncAnimation
from matplotlib.figure import Figure
from PIL import Image

from experiments.studies import gamma_elbo, gradients, posteriors
from tests.one_step import QUICK
from vaex.model import Model
from vaex.models import exact
from vaex.runs.experiments import load_studies


def test_the_elbo_of_a_gamma_density_climbs_to_the_maximum_that_quadrature_finds():
    found, (best, largest) = gamma_elbo.ascend(), gamma_elbo.best_by_quadrature()
    for step in (0, 10, 100, -1):
        np.testing.assert_allclose(found.elbo[step], gamma_elbo.by_quadrature(found.numbers[step]), atol=2e-5)
    assert (np.diff(found.elbo) > -1e-5).all()
    np.testing.assert_allclose(found.elbo[-1], largest, atol=2e-5)
    np.testing.assert_allclose(found.numbers[-1], best, rtol=0.01)
    assert np.abs(found.derivative[-1]).max() < 1e-3 < np.abs(found.derivative[0]).max()


def test_a_study_may_move(tmp_path, monkeypatch):
    figure = Figure(figsize=(1, 1))
    moving = FuncAnimation(figure, lambda step: figure.suptitle(f"{step}"), frames=3, blit=False)
    monkeypatch.setitem(load_studies().STUDIES, "gamma_elbo", lambda: (moving, ["a line"]))
    path, lines = load_studies().draw("gamma_elbo", tmp_path)
    assert (path.name, lines) == ("gamma_elbo.gif", ["a line"])
    with Image.open(path) as written:
        assert written.n_frames == 3
    assert [*tmp_path.iterdir()] == [path]


def test_the_expectation_of_the_gradient_is_zero_and_the_gradient_of_the_expectation_is_not():
    """Within 5 standard errors of 2,000 gradients, component by component."""

    def both(keys):
        params, x = gradients.model()
        right = jax.grad(lambda encoder: exact.linear_gaussian_elbo({**params, "encoder": encoder}, x))

        def bound(encoder, key):
            model = exact.bind_linear_gaussian({**params, "encoder": encoder})
            return gradients.naive(key, model, x, num_samples=1).objective

        flat = lambda tree: ravel_pytree(tree)[0]
        one = lambda key: flat(jax.grad(bound)(params["encoder"], key))
        return jax.vmap(one)(keys), flat(right(params["encoder"]))

    g, expected = map(np.asarray, jax.jit(both, compiler_options=QUICK)(jax.random.split(jax.random.key(0), 2000)))
    error = g.std(axis=0) / 2000**0.5
    assert (np.abs(g.mean(axis=0)) < 5 * error).all()
    assert np.abs(expected / error).max() > 50


def test_the_divergence_of_a_density_and_of_draws_from_a_posterior_on_a_grid():
    axis = np.linspace(-4, 4, 201)[:-1] + 0.02
    points = np.stack(np.meshgrid(axis, axis, indexing="ij"), axis=-1).reshape(-1, 2)
    normal = lambda mean: -0.5 * np.sum((points - mean) ** 2, axis=-1) / 0.25 - np.log(2 * np.pi * 0.25)
    found = posteriors.Found(points, 0.04**2, normal(np.zeros(2)), {})
    shifted = np.array([0.3, -0.4])
    draws = shifted + 0.5 * np.random.default_rng(0).normal(size=(100_000, 2))
    exact = 0.5 * np.sum(shifted**2) / 0.25
    by = lambda z, log_q=None: posteriors.divergence(found, posteriors.Answer(z, 1.0, 0.0, log_q))
    np.testing.assert_allclose(by(draws, normal(shifted)), exact, rtol=1e-4)
    np.testing.assert_allclose(by(draws), exact, rtol=0.05)  # 100,000 draws, cells of 0.4


def test_the_grid_ends_where_a_narrow_posterior_has_its_mass():
    """Of x = z + 0.01 e: 0.04 to a cell of the first grid, and mean and covariance of the last as by Bayes' rule."""
    x = jnp.array([1.23, -0.77])
    prior = dist.Normal(jnp.zeros(2), 1.0).to_event(1)
    model = Model(prior, lambda x: prior, lambda z: dist.Normal(z, 0.01).to_event(1))
    grid, log_posterior = posteriors.exact(model, x)
    share, points = np.exp(log_posterior) * float(grid.cell), np.asarray(grid.points)
    variance = 1 / (1 + 1e4)
    mean = share @ points
    np.testing.assert_allclose(mean, np.asarray(x) * 1e4 * variance, atol=1e-4)
    np.testing.assert_allclose((share[:, None] * (points - mean)).T @ (points - mean), variance * np.eye(2), atol=1e-8)
    assert 4 < np.abs(points - mean).max() / variance**0.5 < 8
