"""A density on a grid that climbs the ELBO, against Bayes' rule, quadrature, and automatic differentiation."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from experiments.studies.free_form import ascend
from tests.models import linear_gaussian, log_px
from tests.one_step import QUICK
from vaex.errors import UsageError
from vaex.inference import free_form
from vaex.inference.iterate import iterate

KEY = jax.random.key(0)
X = jax.random.normal(jax.random.key(3), (5,))
MODEL = linear_gaussian()


def test_two_latents_end_at_bayes_rule_and_the_bound_at_log_px():
    """Against the exact posterior of the linear-Gaussian model; the bound never falls on the way."""
    points = free_form.grid(low=-5.0, high=5.0, num_points=101, num_latents=2)

    def run():
        method = free_form.free_form(points, step_size=0.2)
        state, info = iterate(KEY, method, method.init(None, MODEL, X), num_steps=80)
        return state.log_q, info.elbo, jax.vmap(MODEL.encode(X).log_prob)(points.points)

    log_q, elbo, exact = map(np.asarray, jax.jit(run, compiler_options=QUICK)())
    np.testing.assert_allclose(np.exp(log_q), np.exp(exact), atol=1e-3)
    np.testing.assert_allclose(elbo[-1], log_px(X), rtol=1e-4)
    assert (np.diff(elbo) > -1e-4).all()
    assert elbo[0] < elbo[-1] - 1


def test_the_functional_derivative_is_that_of_automatic_differentiation():
    """Of the ELBO's sum over the grid by each value of q, per cell; and a small step moves q by q (g - E_q[g])."""
    points = free_form.grid(low=-4.0, high=4.0, num_points=9, num_latents=2)
    size = 1e-3

    def run():
        method = free_form.free_form(points, step_size=size)
        state = method.init(None, MODEL, X)
        after, info = method.step(None, state)
        log_p, q = state.log_p, jnp.exp(state.log_q)
        elbo, slope = jax.value_and_grad(lambda q: jnp.sum(q * (log_p - jnp.log(q))) * points.cell)(q)
        return info, elbo, slope / points.cell, q, jnp.exp(after.log_q)

    info, elbo, slope, q, after = jax.jit(run, compiler_options=QUICK)()
    np.testing.assert_allclose(info.elbo, elbo, rtol=1e-4)
    np.testing.assert_allclose(info.derivative, slope, rtol=1e-4, atol=1e-4)
    expected = q * (slope - np.sum(q * slope) * points.cell)
    np.testing.assert_allclose((after - q) / size, expected, rtol=0.1, atol=1e-3 * np.abs(expected).max())


@pytest.mark.parametrize(("step_size", "start"), [(0.3, [0.0, 0.0, 0.0, 0.0]), (1.0, [0.0, -np.inf, 0.0, 0.0])])
def test_where_z_cannot_be_its_probability_is_zero_and_the_rest_bayes_rule(step_size, start):
    log_p = jnp.array([-jnp.inf, -1.0, -1.0, -2.0])
    points = free_form.grid(low=0.0, high=2.0, num_points=4)
    method = free_form.free_form(points, step_size=step_size)
    state, info = iterate(KEY, method, free_form.State(log_p, jnp.array(start)), num_steps=60)
    p = np.exp(np.asarray(log_p, np.float64)) * points.cell
    np.testing.assert_allclose(np.exp(state.log_q) * points.cell, p / p.sum(), rtol=1e-4)
    np.testing.assert_allclose(info.elbo[-1], np.log(p.sum()), rtol=1e-4)
    assert info.elbo[0] == -np.inf


def test_the_study_ends_at_bayes_rule():
    found = ascend(num_steps=100)
    np.testing.assert_allclose(found.elbo[-1], found.log_px, atol=1e-4)
    np.testing.assert_allclose(found.q[-1], found.posterior, atol=2e-3)
    within = found.posterior > 1e-3
    assert np.ptp(found.derivative[-1][within]) < 1e-2 < np.ptp(found.derivative[0][within])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: free_form.grid(low=1.0, high=1.0, num_points=5), "high is 1.0: expected a number above low, 1.0"),
        (lambda: free_form.grid(low=0.0, high=1.0, num_points=1), "num_points is 1: expected a whole number"),
        (lambda: free_form.grid(low=0.0, high=1.0, num_points=5, num_latents=3), "num_latents is 3: expected a whole"),
        (
            lambda: free_form.free_form(free_form.grid(low=0.0, high=1.0, num_points=5), step_size=1.5),
            "step_size is 1.5: expected a number above 0 and at most 1",
        ),
    ],
)
def test_what_cannot_be_is_refused(call, message):
    with pytest.raises(UsageError, match=message):
        call()
