"""Objectives against exact answers and against one another."""

import functools
import itertools

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import pytest

from tests.models import linear_gaussian, log_px, small_vae
from vaex import Model, evaluate, objectives
from vaex.distributions import IndependentBernoulli, OneHotCategorical
from vaex.errors import UsageError

X = jax.random.normal(jax.random.key(3), (5,))
BITS = jnp.array([1.0, 0, 1, 1, 0, 0])
VAE = small_vae()
PARAMS = jax.jit(VAE.init)(jax.random.key(0))
MODEL = VAE.bind(PARAMS)


def once(f, *args):
    """F of a key and of these, in one program."""
    return jax.jit(f)(jax.random.key(5), *args)


def draws(f, n=4000):
    """N independent evaluations of f(key)."""
    return jax.jit(jax.vmap(f))(jax.random.split(jax.random.key(1), n))


def assert_mean(values, expected, standard_errors=5):
    """The mean of independent draws is `expected`, within so many of its standard errors."""
    values = np.asarray(values, np.float64)
    error = values.std(ddof=1) / np.sqrt(len(values))
    assert abs(values.mean() - expected) < standard_errors * error + 1e-6, (values.mean(), expected, error)


@pytest.fixture(scope="module")
def both_kls():
    """4,000 pairs of the ELBO's terms from the same draws, by the closed-form KL and by the sampled one."""
    return draws(lambda k: [objectives.elbo(k, MODEL, BITS, kl=kl) for kl in ("analytic", "sampled")])


def test_sampled_kl_agrees_with_the_closed_form(both_kls):
    """Within 5 standard errors of 4,000 draws."""
    closed, sampled = (np.asarray(terms.kl) for terms in both_kls)
    np.testing.assert_allclose(closed, closed[0], rtol=1e-5)  # whatever is drawn
    assert_mean(sampled, closed[0])


def test_both_kls_give_the_same_bound(both_kls):
    """Within 5 standard errors of the difference of 4,000 paired draws."""
    closed, sampled = (np.asarray(terms.elbo) for terms in both_kls)
    assert_mean(closed - sampled, 0.0)


def test_elbo_is_log_px_minus_the_posterior_gap():
    """ELBO = log p(x) - KL(q(z|x) || p(z|x)), within 5 standard errors of 4,000 draws."""
    model, exact = linear_gaussian(shift=0.3, stretch=1.7), linear_gaussian()
    gap = jax.jit(lambda x: dist.kl_divergence(model.encode(x), exact.encode(x)))(X)
    assert_mean(draws(lambda k: objectives.elbo(k, model, X, kl="sampled").elbo), log_px(X) - gap)


@pytest.mark.parametrize("objective", ["elbo", "iwae"])
def test_with_the_exact_posterior_every_draw_is_log_px(objective):
    f = {
        "elbo": lambda k: objectives.elbo(k, linear_gaussian(), X, kl="sampled"),
        "iwae": lambda k: objectives.iwae(k, linear_gaussian(), X),
    }
    np.testing.assert_allclose(draws(lambda k: f[objective](k).objective, n=10), log_px(X), rtol=1e-4)


def test_iwae_of_one_sample_is_the_elbo_with_the_sampled_kl():
    one, elbo = once(
        lambda k: (objectives.iwae(k, MODEL, BITS, num_samples=1), objectives.elbo(k, MODEL, BITS, kl="sampled"))
    )
    for field in objectives.Terms._fields:
        np.testing.assert_allclose(getattr(one, field), getattr(elbo, field), rtol=1e-6)


def test_iwae_lies_between_the_elbo_and_log_px():
    """In expectation, each gap at least 5 standard errors of 4,000 draws wide."""
    model = linear_gaussian(shift=0.3, stretch=1.7)
    sizes = (1, 5, 50)
    means = draws(lambda key: [objectives.iwae(key, model, X, num_samples=k).objective for k in sizes])
    chain = [*map(np.asarray, means), np.full(4000, log_px(X))]
    for lower, upper in itertools.pairwise(chain):
        gap = upper - lower
        assert gap.mean() > 5 * gap.std(ddof=1) / np.sqrt(len(gap))


def test_stl_has_the_value_of_the_elbo_with_the_sampled_kl():
    stl, elbo = once(
        lambda k: (
            objectives.stl(k, MODEL, BITS, num_samples=3).objective,
            objectives.elbo(k, MODEL, BITS, num_samples=3, kl="sampled").objective,
        )
    )
    np.testing.assert_allclose(stl, elbo, rtol=1e-6)


def test_stl_is_unbiased():
    """Its mean gradient is the ELBO's, each component within 5 standard errors of 4,000 draws."""

    def gradient(objective, key):
        return jax.grad(lambda p: objective(key, VAE.bind(p), BITS).objective)(PARAMS)

    found = draws(lambda k: [gradient(f, k) for f in (objectives.stl, objectives.elbo)])
    for a, b in zip(*map(jax.tree.leaves, jax.tree.map(np.asarray, found)), strict=True):
        variance = (a.var(0) + b.var(0)) / len(a)
        assert (np.abs(a.mean(0) - b.mean(0)) <= 5 * np.sqrt(variance) + 1e-5).all()


def test_stl_has_no_gradient_at_all_where_q_is_the_posterior():
    """For every single draw, with respect to q's mean and variance."""

    def bound(shift, stretch, key):
        model = linear_gaussian(shift=shift, stretch=stretch)
        return objectives.stl(key, model, X).objective

    gradients = draws(lambda k: jnp.stack(jax.grad(bound, argnums=(0, 1))(0.0, 1.0, k)), n=20)
    np.testing.assert_allclose(gradients, 0, atol=2e-4)


def test_terms_are_consistent():
    """Elbo = log_px_z - kl whatever beta; the objective carries beta."""
    terms = once(lambda k: objectives.elbo(k, MODEL, BITS, num_samples=3, beta=4.0))
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
    halves, both = draws(lambda k: [objectives.iwae(k, model, x).objective for model in (pair, whole)])
    assert_mean(halves, np.mean(both), standard_errors=7)  # 5 * sqrt(2)


def test_under_jit_and_vmap():
    """Over a batch as of one example."""
    keys, batch = jax.random.split(jax.random.key(2), 4), jnp.tile(BITS, (4, 1))

    @jax.jit
    def compute(keys):
        both = (objectives.elbo, objectives.iwae)
        return [(jax.vmap(lambda k, x, f=f: f(k, MODEL, x))(keys, batch), f(keys[1], MODEL, BITS)) for f in both]

    for batched, one in compute(keys):
        assert batched.objective.shape == (4,)
        np.testing.assert_allclose(batched.objective[1], one.objective, rtol=1e-5)


def test_batch_loss_is_minus_the_mean_over_the_batch():
    batch = jnp.stack([BITS, 1 - BITS])

    @jax.jit
    def compute(key):
        loss = objectives.batch_loss(objectives.elbo)
        keys = jax.random.split(key, 2)
        each = [objectives.elbo(keys[i], MODEL, batch[i]).elbo for i in range(2)]
        return *loss(key, MODEL, batch, objectives.Context(jnp.array(0), jnp.array(0.0))), jnp.stack(each)

    loss, metrics, each = compute(jax.random.key(2))
    np.testing.assert_allclose(loss, -np.mean(each), rtol=1e-6)
    np.testing.assert_allclose(metrics["elbo"], -loss, rtol=1e-6)


@pytest.mark.parametrize("objective", [objectives.elbo, objectives.iwae])
def test_less_than_one_sample_is_refused(objective):
    with pytest.raises(ValueError, match="num_samples is 0: expected a whole number of at least 1"):
        objective(jax.random.key(0), MODEL, BITS, num_samples=0)


def test_a_point_among_densities_has_no_bound():
    """Its log-weight would be the joint density at one z, which can lie far above log p(x)."""
    model = linear_gaussian()
    point = model._replace(encode=lambda x: dist.Delta(model.encode(x).mean, event_dim=1))
    bounds = [objectives.elbo, objectives.stl, objectives.iwae, evaluate.elbo, evaluate.log_likelihood]
    for bound in bounds:
        with pytest.raises(UsageError, match=r"q\(z\|x\) is a point, whose KL to a density is infinite"):
            jax.eval_shape(lambda: bound(jax.random.key(0), point, X))  # noqa: B023 — refused as it is traced


def test_an_unknown_kl_is_refused():
    with pytest.raises(ValueError, match='kl is \'exact\': expected "auto", "analytic" or "sampled"'):
        objectives.elbo(jax.random.key(0), MODEL, BITS, kl="exact")


def with_mixture_prior():
    components = dist.Normal(jnp.zeros((2, 2)), 1.0).to_event(1)
    return MODEL._replace(prior=dist.MixtureSameFamily(dist.Categorical(jnp.ones(2) / 2), components))


@pytest.mark.parametrize("objective", [functools.partial(objectives.elbo, kl="analytic"), objectives.capacity])
def test_a_missing_closed_form_names_the_sampled_one(objective):
    with pytest.raises(ValueError, match='use kl="auto"'):
        jax.eval_shape(lambda key: objective(key, with_mixture_prior(), BITS), jax.random.key(0))


def test_the_kl_is_the_closed_form_where_one_is_known():
    @jax.jit
    def compute(key):
        return {
            (name, kl): objectives.elbo(key, model, BITS, num_samples=3, kl=kl).kl
            for name, model in {"closed": MODEL, "none": with_mixture_prior()}.items()
            for kl in ("auto", "analytic", "sampled")
            if (name, kl) != ("none", "analytic")
        }

    found = compute(jax.random.key(5))
    assert found["closed", "auto"] == found["closed", "analytic"] != found["closed", "sampled"]
    assert found["none", "auto"] == found["none", "sampled"]


def test_independent_bernoulli_is_numpyros():
    logits = 3 * np.random.default_rng(0).normal(size=(3, 4, 8)).astype(np.float32)

    @jax.jit
    def compute(key, logits):
        both = IndependentBernoulli(logits, 2), dist.BernoulliLogits(logits).to_event(2)
        x = both[1].sample(key)
        return [(p.log_prob(x), p.sample(key)) for p in both], both[0], x

    (ours, theirs), found, x = compute(jax.random.key(1), logits)
    np.testing.assert_allclose(ours[0], theirs[0], rtol=1e-5)
    np.testing.assert_array_equal(ours[1], theirs[1])
    assert found.event_shape == (4, 8)
    outside = IndependentBernoulli(jnp.asarray(logits[:2]), 2).log_prob(jnp.stack([x[0] * 255, x[1] * 0.5]))
    assert np.isneginf(outside[0])
    assert np.isfinite(outside[1])  # a cross-entropy
    np.testing.assert_allclose(jax.jit(lambda d, x: d.log_prob(x))(found, x), theirs[0], rtol=1e-5)


def test_what_is_not_one_hot_has_no_probability():
    values = jnp.array([[0.0, 1, 0, 0], [0.25, 0.25, 0.25, 0.25], [0, 0, 0, 0], [1, 1, 0, 0]])
    found = OneHotCategorical(jnp.zeros(4)).log_prob(values)
    np.testing.assert_allclose(found, [-np.log(4), -np.inf, -np.inf, -np.inf], rtol=1e-6)
