"""Objectives against exact answers and against one another."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import pytest

from tests.models import linear_gaussian, log_px, small_vae
from vaex import Model, objectives
from vaex.distributions import IndependentBernoulli

X = jax.random.normal(jax.random.key(3), (5,))
BITS = jnp.array([1.0, 0, 1, 1, 0, 0])
VAE = small_vae()
PARAMS = jax.jit(VAE.init)(jax.random.key(0))
MODEL = VAE.bind(PARAMS)


def draws(f, n=4000):
    """N independent evaluations of f(key)."""
    return jax.jit(jax.vmap(f))(jax.random.split(jax.random.key(1), n))


def assert_mean(values, expected, standard_errors=5):
    """The mean of independent draws is `expected`, within so many of its standard errors."""
    values = np.asarray(values, np.float64)
    error = values.std(ddof=1) / np.sqrt(len(values))
    assert abs(values.mean() - expected) < standard_errors * error + 1e-6, (values.mean(), expected, error)


def test_sampled_kl_agrees_with_the_closed_form():
    """Within 5 standard errors of 4,000 draws."""
    closed = objectives.elbo(jax.random.key(0), MODEL, BITS).kl
    assert_mean(draws(lambda k: objectives.elbo(k, MODEL, BITS, kl="sampled").kl), closed)


def test_both_kls_give_the_same_bound():
    """Within 5 standard errors of the difference of 4,000 paired draws."""
    pair = draws(lambda k: objectives.elbo(k, MODEL, BITS).elbo - objectives.elbo(k, MODEL, BITS, kl="sampled").elbo)
    assert_mean(pair, 0.0)


def test_elbo_is_log_px_minus_the_posterior_gap():
    """ELBO = log p(x) - KL(q(z|x) || p(z|x)), within 5 standard errors of 4,000 draws."""
    model, exact = linear_gaussian(shift=0.3, stretch=1.7), linear_gaussian()
    gap = dist.kl_divergence(model.encode(X), exact.encode(X))
    assert_mean(draws(lambda k: objectives.elbo(k, model, X, kl="sampled").elbo), log_px(X) - gap)


@pytest.mark.parametrize("objective", ["elbo", "iwae"])
def test_with_the_exact_posterior_every_draw_is_log_px(objective):
    f = {
        "elbo": lambda k: objectives.elbo(k, linear_gaussian(), X, kl="sampled"),
        "iwae": lambda k: objectives.iwae(k, linear_gaussian(), X),
    }
    np.testing.assert_allclose(draws(lambda k: f[objective](k).objective, n=10), log_px(X), rtol=1e-4)


def test_iwae_of_one_sample_is_the_elbo_with_the_sampled_kl():
    one = objectives.iwae(jax.random.key(5), MODEL, BITS, num_samples=1)
    elbo = objectives.elbo(jax.random.key(5), MODEL, BITS, kl="sampled")
    for field in objectives.Terms._fields:
        np.testing.assert_allclose(getattr(one, field), getattr(elbo, field), rtol=1e-6)


def test_iwae_lies_between_the_elbo_and_log_px():
    """In expectation, each gap at least 5 standard errors of 4,000 draws wide."""
    model = linear_gaussian(shift=0.3, stretch=1.7)
    means = {
        k: np.asarray(draws(lambda key, k=k: objectives.iwae(key, model, X, num_samples=k).objective))
        for k in (1, 5, 50)
    }
    chain = [means[1], means[5], means[50], np.full(4000, float(log_px(X)))]
    for lower, upper in itertools.pairwise(chain):
        gap = upper - lower
        assert gap.mean() > 5 * gap.std(ddof=1) / np.sqrt(len(gap))


def test_stl_has_the_value_of_the_elbo_with_the_sampled_kl():
    stl = objectives.stl(jax.random.key(5), MODEL, BITS, num_samples=3)
    elbo = objectives.elbo(jax.random.key(5), MODEL, BITS, num_samples=3, kl="sampled")
    np.testing.assert_allclose(stl.objective, elbo.objective, rtol=1e-6)


def test_stl_is_unbiased():
    """Its mean gradient is the ELBO's, each component within 5 standard errors of 4,000 draws."""
    params = VAE.init(jax.random.key(0))

    def gradient(objective):
        grad = jax.grad(lambda p, k: objective(k, VAE.bind(p), BITS).objective)
        return jax.tree.leaves(draws(lambda k: grad(params, k)))

    for found, expected in zip(gradient(objectives.stl), gradient(objectives.elbo), strict=True):
        variance = (found.var(0) + expected.var(0)) / len(found)
        assert (np.abs(found.mean(0) - expected.mean(0)) <= 5 * np.sqrt(variance) + 1e-5).all()


def test_stl_has_no_gradient_at_all_where_q_is_the_posterior():
    """For every single draw, with respect to q's mean and variance."""

    def bound(shift, stretch, key):
        model = linear_gaussian(shift=shift, stretch=stretch)
        return objectives.stl(key, model, X).objective

    gradients = draws(lambda k: jnp.stack(jax.grad(bound, argnums=(0, 1))(0.0, 1.0, k)), n=20)
    np.testing.assert_allclose(gradients, 0, atol=2e-4)


def test_terms_are_consistent():
    """Elbo = log_px_z - kl whatever beta; the objective carries beta."""
    terms = objectives.elbo(jax.random.key(0), MODEL, BITS, num_samples=3, beta=4.0)
    np.testing.assert_allclose(terms.elbo, terms.log_px_z - terms.kl, rtol=1e-6)
    np.testing.assert_allclose(terms.objective, terms.log_px_z - 4 * terms.kl, rtol=1e-6)


def test_a_latent_may_be_a_pytree():
    """Two independent halves of one latent, as a dict, give what the whole gives."""

    class Pair:
        def __init__(self, first, second):
            self.parts = {"a": first, "b": second}

        def sample(self, key, sample_shape=()):
            keys = jax.random.split(key)
            return {name: p.sample(k, sample_shape) for k, (name, p) in zip(keys, self.parts.items(), strict=True)}

        def log_prob(self, value):
            return sum(p.log_prob(value[name]) for name, p in self.parts.items())

    unit = dist.Normal(0.0, 1.0)
    pair = Model(
        prior=Pair(unit, unit),
        encode=lambda x: Pair(dist.Normal(x[0], 0.5), dist.Normal(x[1], 0.5)),
        decode=lambda z: dist.Normal(jnp.stack([z["a"], z["b"]]), 1.0).to_event(1),
    )
    whole = Model(
        prior=dist.Normal(jnp.zeros(2), 1.0).to_event(1),
        encode=lambda x: dist.Normal(x, 0.5).to_event(1),
        decode=lambda z: dist.Normal(z, 1.0).to_event(1),
    )
    x = jnp.array([0.3, -0.8])
    expected = np.mean(draws(lambda k: objectives.iwae(k, whole, x).objective))
    assert_mean(draws(lambda k: objectives.iwae(k, pair, x).objective), expected, standard_errors=7)  # 5 * sqrt(2)


def test_under_jit_and_vmap():
    keys, batch = jax.random.split(jax.random.key(2), 4), jnp.tile(BITS, (4, 1))
    for objective in (objectives.elbo, objectives.iwae):
        batched = jax.jit(jax.vmap(lambda k, x, f=objective: f(k, MODEL, x)))(keys, batch)
        assert batched.objective.shape == (4,)
        np.testing.assert_allclose(batched.objective[1], objective(keys[1], MODEL, BITS).objective, rtol=1e-5)


def test_batch_loss_is_minus_the_mean_over_the_batch():
    key, batch = jax.random.key(2), jnp.stack([BITS, 1 - BITS])
    loss, metrics = objectives.batch_loss(objectives.elbo)(
        key, MODEL, batch, objectives.Context(jnp.array(0), jnp.array(0.0))
    )
    each = [objectives.elbo(k, MODEL, x).elbo for k, x in zip(jax.random.split(key, 2), batch, strict=True)]
    np.testing.assert_allclose(loss, -np.mean(each), rtol=1e-6)
    np.testing.assert_allclose(metrics["elbo"], -loss, rtol=1e-6)


@pytest.mark.parametrize("objective", [objectives.elbo, objectives.iwae])
def test_less_than_one_sample_is_refused(objective):
    with pytest.raises(ValueError, match="num_samples is 0: expected at least 1"):
        objective(jax.random.key(0), MODEL, BITS, num_samples=0)


def test_an_unknown_kl_is_refused():
    with pytest.raises(ValueError, match='expected "analytic" or "sampled"'):
        objectives.elbo(jax.random.key(0), MODEL, BITS, kl="exact")


def test_a_missing_closed_form_names_the_sampled_one():
    model = MODEL._replace(
        prior=dist.MixtureSameFamily(dist.Categorical(jnp.ones(2) / 2), dist.Normal(jnp.zeros((2, 2)), 1.0).to_event(1))
    )
    with pytest.raises(ValueError, match='use kl="sampled"'):
        objectives.elbo(jax.random.key(0), model, BITS)


def test_independent_bernoulli_is_numpyros():
    logits = jax.random.normal(jax.random.key(0), (3, 4, 8)) * 3
    ours, theirs = IndependentBernoulli(logits, 2), dist.BernoulliLogits(logits).to_event(2)
    x = theirs.sample(jax.random.key(1))
    np.testing.assert_allclose(ours.log_prob(x), theirs.log_prob(x), rtol=1e-5)
    np.testing.assert_array_equal(ours.sample(jax.random.key(1)), x)
    assert ours.event_shape == (4, 8)
    np.testing.assert_allclose(jax.jit(lambda d, x: d.log_prob(x))(ours, x), theirs.log_prob(x), rtol=1e-5)
