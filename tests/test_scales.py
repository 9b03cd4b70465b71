"""Scales at their bounds: as they were within, finite beyond, and never lost."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from vaex.distributions import flows
from vaex.distributions.abilities import sample_and_log_prob
from vaex.distributions.divergences import closed_form_kl
from vaex.errors import OptionError
from vaex.models import likelihoods, posteriors, priors
from vaex.models.hierarchy import normal
from vaex.models.mixture import GaussianMixture, constrain, free_parameters
from vaex.models.scales import MIN_SIGMA, above, bounded_log_var, scale_of

WIDE = np.concatenate([-np.geomspace(1e30, 1e-3, 400), [0.0], np.geomspace(1e-3, 1e30, 400)]).astype(np.float32)


def test_within_its_range_a_scale_is_unchanged_to_the_last_digit():
    inside, free = WIDE[np.abs(WIDE) <= 30], WIDE[float(np.log(2e-3)) <= WIDE]
    bounded, lifted = jax.jit(lambda x, y: (bounded_log_var(x), above(y, 1e-3)))(inside, free)
    np.testing.assert_array_equal(bounded, inside)
    np.testing.assert_array_equal(jax.jit(scale_of)(inside), jax.jit(lambda x: jnp.exp(0.5 * x))(inside))
    np.testing.assert_array_equal(lifted, free)


@pytest.mark.parametrize(
    ("bound", "low", "high"), [(bounded_log_var, -40, 40), (lambda x: above(x, 1e-3), np.log(1e-3), np.inf)]
)
def test_beyond_it_a_scale_grows_to_a_limit_and_its_slope_falls_as_a_square(bound, low, high):
    """With a slope that is continuous at the edge, above zero beyond, and nan only of nan."""
    both = jax.jit(jax.vmap(jax.value_and_grad(bound)))
    value, slope = map(np.asarray, both(WIDE))
    assert (np.diff(value) >= 0).all()
    assert value.min() >= low - 1e-5
    assert value.max() <= high
    assert np.isfinite(slope).all()
    assert (slope[np.abs(WIDE) < 1e15] > 0).all()
    finer = np.linspace(-50, 50, 20_001, dtype=np.float32)
    assert np.abs(np.diff(both(finer)[1])).max() < 0.02
    of_nan, least = both(np.array([np.nan, -np.inf], np.float32))[0]
    assert np.isnan(of_nan)
    np.testing.assert_allclose(least, low, rtol=1e-6)


SHAPE = (4,)
LEARNED = {
    "gaussian_scalar": likelihoods.gaussian_scalar(),
    "gaussian_pixel": likelihoods.gaussian_pixel(x_shape=SHAPE),
    "student_t": likelihoods.student_t(x_shape=SHAPE),
}


@pytest.mark.parametrize("name", LEARNED)
def test_a_learned_scale_stays_on_its_floor_and_comes_back(name):
    """Adam on x that is foreseen exactly, at 0.1 for 8,000 steps; then on x that is off by 0.2."""
    likelihood, adam = LEARNED[name], optax.adam(0.1)

    @jax.jit
    def train(params, off):
        def step(carry, _):
            params, state = carry
            loss = lambda p: -likelihood.apply(p, jnp.full(SHAPE, 0.5)).log_prob(jnp.full(SHAPE, 0.5) + off)
            value, gradient = jax.value_and_grad(loss)(params)
            updates, state = adam.update(gradient, state)
            return (optax.apply_updates(params, updates), state), value

        (params, _), losses = jax.lax.scan(step, (params, adam.init(params)), length=8000)
        return params, losses, likelihood.apply(params, jnp.full(SHAPE, 0.5)).base_dist.scale

    params, losses, scale = train(likelihood.init(jax.random.key(0)), 0.0)
    assert np.isfinite(losses).all()
    np.testing.assert_allclose(scale, MIN_SIGMA, rtol=0.1)
    assert (scale >= MIN_SIGMA).all()
    _, losses, scale = train(params, 0.2)
    assert np.isfinite(losses).all()
    np.testing.assert_allclose(scale, 0.2, rtol=0.01)  # of one value the likeliest scale is its distance, of a t's too


def test_the_floor_is_in_the_units_of_the_data():
    likelihood = likelihoods.gaussian_scalar(sigma=1e-5, min_sigma=1e-6)

    @jax.jit
    def scales(key, raw):
        learned = likelihood.apply(likelihood.init(key), jnp.zeros(1))
        return [p.base_dist.scale for p in (learned, likelihoods.gaussian_output(min_sigma=1e-6).apply({}, raw))]

    learned, of_raw = scales(jax.random.key(0), np.array([[0.0, -1e9], [0.0, 1e9]], np.float32))
    np.testing.assert_allclose(learned, 1e-5, rtol=1e-5)
    np.testing.assert_allclose(of_raw, [1e-6, 1e6], rtol=1e-4)
    with pytest.raises(OptionError, match=r"sigma is 1e-05: expected at least 0.00067, twice min_sigma"):
        likelihoods.gaussian_scalar(sigma=1e-5)
    with pytest.raises(OptionError, match="min_sigma is 0: expected a number above 0"):
        likelihoods.gaussian_pixel(x_shape=(2,), min_sigma=0)


PLANAR = flows.planar(2, 1)
FAMILIES = {  # a posterior of two latents from its mean and log_var
    "diagonal": lambda mean, log_var: posteriors.diagonal_normal().apply({}, jnp.concatenate([mean, log_var])),
    "of a layer": lambda mean, log_var: normal(jnp.concatenate([mean, log_var])),
    "full": lambda mean, log_var: posteriors.full_normal(2).apply({}, jnp.concatenate([mean, log_var, jnp.ones(1)])),
    "flow": lambda mean, log_var: posteriors.flow(2, PLANAR).apply(
        {}, jnp.concatenate([mean, log_var, jnp.full(5, 0.1)])
    ),
    "mixture": lambda mean, log_var: posteriors.normal_mixture().apply(
        {}, jnp.stack([jnp.concatenate([jnp.zeros(1), mean, log_var])] * 2)
    ),
    "prior": lambda mean, log_var: priors.normal_mixture(2, 1).apply(
        {"logits": jnp.zeros(1), "mean": mean[None], "log_var": log_var[None]}, lambda x: x
    ),
}


@pytest.mark.parametrize("name", FAMILIES)
def test_whatever_a_log_variance_is_density_and_kl_and_gradients_are_finite(name):
    standard = priors.standard_normal(2).apply({}, lambda x: x)

    def terms(log_var):
        q = FAMILIES[name](jnp.array([0.3, -2.0]), log_var)
        z, log_q = sample_and_log_prob(jax.random.key(0), q, 3)
        kl = closed_form_kl(q, standard)
        return jnp.mean(log_q - jax.vmap(standard.log_prob)(z)) + (0.0 if kl is None else kl)

    pairs = jnp.array([[a, b] for a in (-1e9, -100.0, 0.0, 100.0, 1e9) for b in (-1e9, 1e9)])
    value, gradient = jax.jit(jax.vmap(jax.value_and_grad(terms)))(pairs)
    assert np.isfinite(value).all()
    assert np.isfinite(gradient).all()


def test_a_component_of_a_gaussian_mixture_does_not_vanish():
    scale = np.array([0.5, 2.0], np.float32)[:, None, None] * np.eye(2, dtype=np.float32)
    there = jax.jit(lambda scale: free_parameters(GaussianMixture(jnp.zeros(2), jnp.zeros((2, 2)), scale)))
    free = jax.tree.map(np.array, there(scale))
    np.testing.assert_allclose(jax.jit(constrain)(free).scale_tril, scale, rtol=1e-6)
    thin = {**free, "scale": np.concatenate([free["scale"][:, :-2], np.full((2, 2), -1e3, np.float32)], axis=1)}
    diagonal = lambda free: jnp.diagonal(constrain(free).scale_tril, axis1=1, axis2=2)
    value, gradient = jax.jit(jax.value_and_grad(lambda free: jnp.sum(jnp.log(diagonal(free)))))(thin)
    assert np.isfinite(value)
    assert (np.asarray(gradient["scale"])[:, -2:] > 0).all()
