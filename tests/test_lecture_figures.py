"""Studies that show what an ELBO and its gradients are, against quadrature and exact gradients."""

import jax
import numpy as np
from jax.flatten_util import ravel_pytree
from matplotlib.animation import FuncAnimation
from matplotlib.figure import Figure
from PIL import Image

from experiments.studies import gamma_elbo, gradients
from tests.one_step import QUICK
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
