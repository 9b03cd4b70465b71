"""Every estimator: unbiased for the gradient of its own bound, right at its limits, and refusing what cannot be."""

import functools
import sys

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import optax
import pytest
import scipy.special
import scipy.stats

from experiments.studies import snr
from tests.test_exact import LINEAR, SYMBOL, TABLE, X
from tests.test_objectives import BITS, MODEL, PARAMS, VAE, assert_mean, draws
from vaex import bounds, evaluate, objectives
from vaex.distributions import DiagonalNormalMixture, OneHotCategorical
from vaex.errors import UsageError
from vaex.evaluate.gradients import gradient_statistics
from vaex.evaluate.labels import posterior_means
from vaex.model import Model
from vaex.models import exact
from vaex.objectives import Context, batch_loss
from vaex.runs.experiments import load_studies
from vaex.train import Recipe, init_state, schedules, train_step
from vaex.train.step import batches_of

KEY = jax.random.key(0)
MIXTURE = DiagonalNormalMixture(jnp.zeros(2), jnp.zeros((2, 2)), jnp.zeros((2, 2)))
MATRICES = Model(
    prior=dist.Normal(jnp.zeros((2, 2)), 1.0).to_event(2),
    encode=lambda x: dist.Normal(jnp.zeros((2, 2)), 1.0).to_event(2),
    decode=lambda z: dist.Normal(jnp.zeros(6) + z.sum(), 1.0).to_event(1),
)
NUM_KEYS = 20_000


def gradients(estimators, params, bind, x, *, num_keys=NUM_KEYS):
    """Of each estimator by its name, all from the same keys and in one program: a tree of arrays [num_keys, ...]."""

    @jax.jit
    @functools.partial(jax.vmap, in_axes=(None, 0))
    def compute(params, key):
        return {name: jax.grad(lambda p, f=f: f(key, bind(p), x).objective)(params) for name, f in estimators.items()}

    return jax.tree.map(np.asarray, compute(params, jax.random.split(KEY, num_keys)))


def assert_same_mean(a, b, standard_errors=5):
    """Gradients' means agree in every component; b are independent of a, or one that is exact."""
    for m, n in zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True):
        exact_n = n.ndim < m.ndim
        means = m.mean(axis=0), n if exact_n else n.mean(axis=0)
        error = np.sqrt((m.var(axis=0) + (0 if exact_n else n.var(axis=0))) / len(m))
        assert (np.abs(means[0] - means[1]) <= standard_errors * error + 1e-5).all(), (*means, error)


def variance(tree):
    """The mean over all components."""
    return np.concatenate([leaf.reshape(len(leaf), -1).var(axis=0) for leaf in jax.tree.leaves(tree)]).mean()


LINEAR_BOUNDS = {
    "elbo": functools.partial(objectives.elbo),
    "elbo, sampled": functools.partial(objectives.elbo, kl="sampled", num_samples=2),
    "stl": functools.partial(objectives.stl, num_samples=2),
    "reinforce": functools.partial(objectives.reinforce, num_samples=4),
    "reinforce, a number": functools.partial(objectives.reinforce, num_samples=4, baseline=jnp.array(-7.0)),
    "reinforce, zero": functools.partial(objectives.reinforce, num_samples=4, baseline=jnp.array(0.0)),
    "iwae of 1": functools.partial(objectives.iwae, num_samples=1),
    "dreg of 1": functools.partial(objectives.dreg, num_samples=1),
    "renyi at 1": functools.partial(objectives.renyi, alpha=1.0),
    "ciwae at 1": functools.partial(objectives.ciwae, num_samples=3, beta=1.0),
    "miwae of 1": functools.partial(objectives.miwae, num_samples=1, num_groups=3),
}


@pytest.fixture(scope="module")
def of_the_elbo():
    return gradients(LINEAR_BOUNDS, LINEAR, exact.bind_linear_gaussian, X)


@pytest.fixture(scope="module")
def exact_gradient():
    return jax.jit(jax.grad(exact.linear_gaussian_elbo))(LINEAR, X)


@pytest.mark.parametrize("name", LINEAR_BOUNDS)
def test_unbiased_for_the_exact_gradient_of_the_elbo(name, of_the_elbo, exact_gradient):
    """Every component of generator and recognition model within 5 standard errors of 20,000 gradients."""
    assert_same_mean(of_the_elbo[name], exact_gradient)


def test_baselines_lower_the_variance(of_the_elbo):
    loo, far = (variance(of_the_elbo[name]["encoder"]) for name in ("reinforce", "reinforce, zero"))
    assert loo < far / 2


WEIGHTED = {
    "dreg": functools.partial(objectives.dreg, num_samples=4),
    "vimco": functools.partial(objectives.vimco, num_samples=4),
    "renyi at 0": functools.partial(objectives.renyi, num_samples=4, alpha=0.0),
    "ciwae at 0": functools.partial(objectives.ciwae, num_samples=4, beta=0.0),
    "miwae of one group": functools.partial(objectives.miwae, num_samples=4, num_groups=1),
    "piwae of one group": functools.partial(objectives.piwae, num_samples=4, num_groups=1),
}


def independent_iwae(key, model, x):
    """Its draws are not those of the others."""
    return objectives.iwae(jax.random.fold_in(key, 1), model, x, num_samples=4)


@pytest.fixture(scope="module")
def of_the_weighted_bound():
    return gradients(WEIGHTED | {"iwae": independent_iwae}, LINEAR, exact.bind_linear_gaussian, X)


@pytest.mark.parametrize("name", WEIGHTED)
def test_unbiased_for_the_gradient_of_the_importance_weighted_bound(name, of_the_weighted_bound):
    """Against independent gradients of iwae, K = 4, within 5 standard errors of the difference of 20,000 each."""
    assert_same_mean(of_the_weighted_bound[name], of_the_weighted_bound["iwae"])


DISCRETE = {
    "reinforce": (functools.partial(objectives.reinforce, num_samples=2), exact.table_elbo),
    "reinforce, a number": (
        functools.partial(objectives.reinforce, num_samples=3, baseline=jnp.array(-1.0)),
        exact.table_elbo,
    ),
    "vimco of 2": (
        functools.partial(objectives.vimco, num_samples=2),
        functools.partial(exact.table_iwae, num_samples=2),
    ),
    "vimco of 4": (
        functools.partial(objectives.vimco, num_samples=4),
        functools.partial(exact.table_iwae, num_samples=4),
    ),
}


@pytest.fixture(scope="module")
def of_the_table():
    """Gradients by each estimator, and the exact ones of their bounds."""
    found = gradients({name: f for name, (f, _) in DISCRETE.items()}, TABLE, exact.bind_table, SYMBOL)
    expected = jax.jit(lambda p: {name: jax.grad(bound)(p, SYMBOL) for name, (_, bound) in DISCRETE.items()})
    return found, expected(TABLE)


@pytest.mark.parametrize("name", DISCRETE)
def test_discrete_estimators_are_unbiased_for_the_exact_gradient(name, of_the_table):
    """Against sums over all states, or tuples of them, within 5 standard errors of 20,000 gradients."""
    found, expected = of_the_table
    assert_same_mean(found[name], expected[name])


def test_enumeration_is_exact():
    @jax.jit
    def both(params):
        enumerated = jax.value_and_grad(lambda p: objectives.enumerate(KEY, exact.bind_table(p), SYMBOL).objective)
        return enumerated(params), jax.value_and_grad(exact.table_elbo)(params, SYMBOL)

    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6), *both(TABLE))


@pytest.fixture(scope="module")
def of_more_samples():
    """2,000 gradients by dreg and by iwae of 8 and of 64 samples, all from the same keys."""
    pairs = {
        (f.__name__, n): functools.partial(f, num_samples=n)
        for n in (8, 64)
        for f in (objectives.dreg, objectives.iwae)
    }
    return gradients(pairs, LINEAR, exact.bind_linear_gaussian, X, num_keys=2000)


@pytest.mark.parametrize("num_samples", [8, 64])
def test_dreg_has_less_noise_than_iwae_in_the_recognition_model_alone(num_samples, of_more_samples):
    """Both from the same draws."""
    dreg, iwae = (of_more_samples[name, num_samples] for name in ("dreg", "iwae"))
    assert variance(dreg["encoder"]) < variance(iwae["encoder"]) / 4
    np.testing.assert_allclose(variance(dreg["decoder"]), variance(iwae["decoder"]), rtol=1e-3)


BATCH = jnp.asarray(np.random.default_rng(1).integers(0, 2, (5, 6)), jnp.float32)
VALUES = {
    "elbo": objectives.elbo,
    "sampled": functools.partial(objectives.elbo, kl="sampled", num_samples=6),
    "iwae": functools.partial(objectives.iwae, num_samples=6),
    "stl": functools.partial(objectives.stl, num_samples=6),
    "reinforce": functools.partial(objectives.reinforce, num_samples=6),
    "dreg": functools.partial(objectives.dreg, num_samples=6),
    "vimco": functools.partial(objectives.vimco, num_samples=6),
    "ciwae": functools.partial(objectives.ciwae, num_samples=6, beta=0.25),
    "miwae": functools.partial(objectives.miwae, num_samples=3, num_groups=2),
    "vr_max": functools.partial(objectives.vr_max, num_samples=9),
    "renyi": functools.partial(objectives.renyi, num_samples=9, alpha=-1e5),
    "no free bits": functools.partial(objectives.free_bits, nats=0.0),
    "ample": functools.partial(objectives.free_bits, nats=50.0),
    "ample together": functools.partial(objectives.free_bits, nats=50.0, group_size=2),
    "capacity": functools.partial(objectives.capacity, nats=3.0, gamma=10.0),
}


@pytest.fixture(scope="module")
def values():
    """The terms of each objective by its name, all from one key and in one program."""
    return jax.jit(lambda key: {name: f(key, MODEL, BITS) for name, f in VALUES.items()})(KEY)


@pytest.mark.parametrize(
    ("name", "expected"), [("stl", "sampled"), ("reinforce", "sampled"), ("dreg", "iwae"), ("vimco", "iwae")]
)
def test_an_estimator_changes_the_gradient_and_not_the_value(name, expected, values):
    for a, b in zip(values[name], values[expected], strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5)


def test_piwae_gives_each_side_its_own_gradient():
    """From the same draws: the generator's is IWAE's of all MK, the recognition model's MIWAE's."""
    estimators = {
        "piwae": functools.partial(objectives.piwae, num_samples=3, num_groups=4),
        "miwae": functools.partial(objectives.miwae, num_samples=3, num_groups=4),
        "iwae": functools.partial(objectives.iwae, num_samples=12),
    }
    found = gradients(estimators, PARAMS, VAE.bind, BITS, num_keys=1)
    piwae, miwae, iwae = found["piwae"], found["miwae"], found["iwae"]
    close = functools.partial(np.testing.assert_allclose, rtol=1e-4, atol=1e-6)
    jax.tree.map(close, piwae["decoder"], iwae["decoder"])
    jax.tree.map(close, piwae["encoder"], miwae["encoder"])
    assert any(
        np.abs(a - b).max() > 1e-4
        for a, b in zip(jax.tree.leaves(miwae["decoder"]), jax.tree.leaves(iwae["decoder"]), strict=True)
    )


def test_renyi_bounds_fall_with_alpha_and_end_at_the_maximum(values):
    log_w = np.random.default_rng(0).normal(scale=3, size=9).astype(np.float32)
    alphas = (-1000.0, -1.0, 0.0, 0.5, 0.999, 1.0, 1.001, 3.0)
    found, iwae = jax.jit(lambda w: ([bounds.renyi(w, alpha=a) for a in alphas], bounds.iwae(w)))(log_w)
    found = [float(value) for value in found]
    assert found == sorted(found, reverse=True)
    np.testing.assert_allclose(found[0], log_w.max() - np.log(9) / 1001, rtol=1e-4)
    np.testing.assert_allclose(found[2], iwae, rtol=1e-5)
    np.testing.assert_allclose([found[4], found[6]], found[5], atol=0.01)
    np.testing.assert_allclose(values["vr_max"].objective, values["renyi"].objective, rtol=1e-4)


def test_ciwae_and_miwae_between_their_ends(values):
    elbo, iwae = values["sampled"].objective, values["iwae"].objective
    np.testing.assert_allclose(values["ciwae"].objective, 0.25 * elbo + 0.75 * iwae, rtol=1e-5)
    assert elbo < values["miwae"].objective < iwae


def test_free_bits(values):
    plain, ample = values["elbo"], values["ample"]
    for a, b in zip(values["no free bits"], plain, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5)
    np.testing.assert_allclose(ample.objective, plain.log_px_z - 100.0, rtol=1e-5)  # two latents
    np.testing.assert_allclose(ample.elbo, plain.elbo, rtol=1e-5)
    np.testing.assert_allclose(values["ample together"].objective, plain.log_px_z - 50.0, rtol=1e-5)


def test_capacity_is_an_absolute_deviation(values):
    plain, held = values["elbo"], values["capacity"]
    np.testing.assert_allclose(held.objective, plain.log_px_z - 10 * abs(plain.kl - 3.0), rtol=1e-5)
    assert held.elbo == plain.elbo


@pytest.fixture(scope="module")
def of_a_batch():
    """The terms of each objective of a batch by its name, and each example's posterior, draw and log p(x|z)."""

    @jax.jit
    def compute(key, batch):
        total_correlation = functools.partial(objectives.total_correlation, key, MODEL, batch, num_train=100)
        terms = {
            "unit weights": total_correlation(beta=1.0),
            "weights": total_correlation(alpha=2.0, beta=5.0, gamma=3.0),
            "info, plain": objectives.info(key, MODEL, batch, alpha=0.0, strength=1.0),
            "info": objectives.info(key, MODEL, batch, alpha=1.0, strength=10.0),
        }

        def example(key, x):
            q = MODEL.encode(x)
            z = q.sample(key)
            return q.base_dist.loc, q.base_dist.scale, z, MODEL.decode(z).log_prob(x)

        return terms, jax.vmap(example)(jax.random.split(key, 5), batch)

    return jax.tree.map(np.asarray, compute(KEY, BATCH))


def test_total_correlation_with_unit_weights_is_the_elbo(of_a_batch):
    terms = of_a_batch[0]["unit weights"]
    np.testing.assert_allclose(terms.objective, terms.elbo, rtol=1e-4)


def test_total_correlation_against_loops(of_a_batch):
    """The three parts of the KL, written out with scipy's normal densities."""
    terms, (loc, scale, z, log_px_z) = of_a_batch
    for i in range(5):
        pairs = np.array(
            [[scipy.stats.norm(loc[k][j], scale[k][j]).logpdf(z[i][j]) for j in range(2)] for k in range(5)]
        )
        log_q = pairs[i].sum()
        joint = scipy.special.logsumexp(pairs.sum(1)) - np.log(500)
        product = sum(scipy.special.logsumexp(pairs[:, j]) - np.log(500) for j in range(2))
        log_p = scipy.stats.norm.logpdf(z[i]).sum()
        expected = log_px_z[i] - 2 * (log_q - joint) - 5 * (joint - product) - 3 * (product - log_p)
        np.testing.assert_allclose(terms["weights"].objective[i], expected, rtol=1e-4)


def test_info_without_its_discrepancy_is_the_elbo(of_a_batch):
    terms, strong = of_a_batch[0]["info, plain"], of_a_batch[0]["info"]
    np.testing.assert_allclose(terms.objective, terms.elbo, rtol=1e-5)
    assert np.ptp(strong.objective - strong.log_px_z) < 1e-4  # the same discrepancy for each example


def test_squared_mmd_has_its_closed_form_mean():
    """N(0, I) against N(delta, I) in 3 dimensions, within 5 standard errors of 4,000 estimates from 10 draws each."""
    delta = np.array([1.0, -0.5, 0.3], np.float32)

    def estimates(key):
        a, b = jax.random.normal(key, (2, 10, 3))
        return objectives.squared_mmd(a, b + delta), objectives.squared_mmd(a, b)

    expected = 2 * (1 + 2 / 3) ** -1.5 * (1 - np.exp(-np.sum(delta**2) / (2 * 5)))
    apart, same = draws(estimates)
    assert_mean(apart, expected)
    assert_mean(same, 0.0)
    with pytest.raises(UsageError, match="found samples of 1 and 10: expected 2 or more in each"):
        objectives.squared_mmd(jnp.zeros((1, 3)), jnp.zeros((10, 3)))


def test_sums_over_many_keep_their_digits_in_low_precision():
    a, b = np.random.default_rng(0).normal(size=(2, 128, 2)).astype(np.float32)
    low = [jnp.asarray(z, jnp.bfloat16) for z in (a, b)]
    rounded = [jnp.asarray(z, jnp.float32) for z in low]
    np.testing.assert_allclose(objectives.squared_mmd(*low), objectives.squared_mmd(*rounded), rtol=1e-5)
    penalty = functools.partial(objectives.weight_penalty, sigma=1.0, num_train=100)
    np.testing.assert_allclose(penalty({"w": jnp.full(3, 300.0, jnp.float16)}), 1350.0)


def one_hot_model(logits):
    """One one-hot latent of 3 classes and 4 Bernoulli pixels."""
    weight = jnp.asarray(np.random.default_rng(2).normal(size=(3, 4)), jnp.float32)
    return Model(
        prior=OneHotCategorical(jnp.zeros((1, 3))).to_event(1),
        encode=lambda x: OneHotCategorical(logits).to_event(1),
        decode=lambda z: dist.BernoulliLogits(z[0] @ weight).to_event(1),
    )


PIXELS = jnp.array([1.0, 0, 0, 1])
LOGITS = jnp.array([[0.5, -0.3, 0.1]])


@pytest.fixture(scope="module")
def exact_one_hot():
    """The ELBO of LOGITS, and its gradient."""

    def elbo(logits):
        model, q = one_hot_model(logits), jax.nn.softmax(logits[0])
        log_px_z = jax.vmap(lambda z: model.decode(z[None]).log_prob(PIXELS))(jnp.eye(3))
        return jnp.sum(q * (log_px_z - jnp.log(3 * q)))

    return jax.jit(jax.value_and_grad(elbo))(LOGITS)


@pytest.fixture(scope="module")
def of_gumbel():
    """Values of 20,000 draws and their gradients with respect to the logits, without and with straight-through."""
    cold = functools.partial(objectives.gumbel, temperature=0.02)
    straight = functools.partial(objectives.gumbel, straight_through=True, temperature=0.5)

    def value(logits, objective, key):
        return objective(key, one_hot_model(logits), PIXELS).objective

    found = draws(lambda key: [jax.value_and_grad(value)(LOGITS, f, key) for f in (cold, straight)], n=NUM_KEYS)
    return jax.tree.map(np.asarray, found)


def test_gumbel_softmax_at_a_low_temperature_is_enumeration(exact_one_hot, of_gumbel):
    """Value and gradient within 5 standard errors of 20,000 draws; the bias is of the order of the temperature."""
    for a, expected in zip(of_gumbel[0], exact_one_hot, strict=True):
        assert (np.abs(a.mean(axis=0) - expected) < 5 * a.std(axis=0) / np.sqrt(NUM_KEYS) + 0.01).all()


def test_straight_through_has_the_one_hot_value_and_a_gradient(exact_one_hot, of_gumbel):
    values, gradients = of_gumbel[1]
    assert_mean(values, exact_one_hot[0])
    assert np.abs(gradients[0]).max() > 1e-3


def test_one_hot_categorical_is_a_distribution():
    logits = np.array([[0.5, -0.3, 0.1], [2.0, 0.0, 0.0]], np.float32)
    p = scipy.special.softmax(logits, axis=-1)

    @jax.jit
    def compute(key, logits):
        q, uniform = OneHotCategorical(logits), OneHotCategorical(jnp.zeros((2, 3)))
        samples = q.sample(key, (20_000,)).mean(axis=0)
        return q.mean, samples, q.log_prob(q.enumerate_support()), dist.kl_divergence(q, uniform)

    mean, samples, log_p, divergence = compute(KEY, logits)
    np.testing.assert_allclose(mean, p, rtol=1e-5)
    assert (np.abs(samples - p) < 5 * np.sqrt(p * (1 - p) / 20_000)).all()  # 5 standard errors
    np.testing.assert_allclose(np.exp(log_p).sum(0), 1, rtol=1e-5)
    np.testing.assert_allclose(divergence, np.sum(p * np.log(3 * p), axis=-1), rtol=1e-5)


def test_a_vector_of_latents_is_enumerated_as_all_tuples():
    """Two one-hot latents of 3 classes: 9 states, whose exact ELBO is the mean of sampled ones (5 standard errors)."""
    logits = jnp.array([[0.5, -0.3, 0.1], [1.0, 0.0, -1.0]])
    weight = np.random.default_rng(2).normal(size=(2, 3, 4)).astype(np.float32)

    def model(logits):
        return Model(
            prior=OneHotCategorical(jnp.zeros((2, 3))).to_event(1),
            encode=lambda x: OneHotCategorical(logits).to_event(1),
            decode=lambda z: dist.BernoulliLogits(jnp.einsum("nc,ncp->p", z, weight)).to_event(1),
        )

    sampled = draws(lambda k: objectives.reinforce(k, model(logits), PIXELS).objective, n=NUM_KEYS)
    enumerated = lambda logits: objectives.enumerate(KEY, model(logits), PIXELS).objective
    assert_mean(sampled, float(jax.jit(enumerated)(logits)))
    with pytest.raises(UsageError, match="z has 19,683 states: expected at most 10,000"):
        jax.eval_shape(enumerated, np.zeros((9, 3), np.float32))


def test_schedules():
    steps = np.arange(0, 250, 10)
    expected = {
        schedules.linear(start=0.0, end=2.0, steps=100): np.minimum(steps / 50, 2),
        schedules.cyclical(start=0.0, end=1.0, steps=100): np.minimum((steps % 100) / 50, 1),
        schedules.exponential(start=1.0, end=0.25, steps=100): np.maximum(0.25 ** (steps / 100), 0.25),
    }
    found = jax.jit(lambda steps: [jax.vmap(schedule)(steps) for schedule in expected])(steps)
    for values, at_steps in zip(found, expected.values(), strict=True):
        np.testing.assert_allclose(values, at_steps, rtol=1e-5)


def test_a_schedule_moves_inside_the_jit():
    """Beta = step: one compilation, and each step's objective has its own weight."""
    loss = batch_loss(objectives.elbo, beta=lambda context: context.step.astype(jnp.float32))
    recipe = Recipe(VAE.bind, loss, optax.sgd(0.0), lambda key, x: x)
    traces = []

    @jax.jit
    def step(state):
        traces.append(1)
        return train_step(state, KEY, BATCH, recipe=recipe)

    state = init_state(PARAMS, recipe.optimizer)
    for beta in range(3):
        state, metrics = step(state)
        np.testing.assert_allclose(metrics["objective"], metrics["log_px_z"] - beta * metrics["kl"], rtol=1e-4)
    assert len(traces) == 1


def test_the_moving_average_follows_the_bound():
    recipe = Recipe(
        VAE.bind, batch_loss(objectives.reinforce, baseline=lambda c: c.average), optax.sgd(0.0), lambda k, x: x
    )
    step = jax.jit(functools.partial(train_step, recipe=recipe))
    state, first = step(init_state(PARAMS, recipe.optimizer), KEY, BATCH)
    assert state.average == first["elbo"]
    after, second = step(state, KEY, BATCH)
    np.testing.assert_allclose(after.average, 0.99 * first["elbo"] + 0.01 * second["elbo"], rtol=1e-5)


def test_map_adds_the_weights_log_prior():
    penalty = functools.partial(objectives.weight_penalty, sigma=2.0, num_train=50)
    normal, params = scipy.stats.norm(0, 2.0), jax.tree.map(np.asarray, PARAMS)
    expected = sum((normal.logpdf(0.0) - normal.logpdf(leaf)).sum() for leaf in jax.tree.leaves(params))
    plain = Recipe(VAE.bind, batch_loss(objectives.elbo), optax.sgd(1.0), lambda key, x: x)

    @jax.jit
    def compute(params):
        state, recipes = init_state(params, plain.optimizer), (plain, plain._replace(penalty=penalty))
        return penalty(params), [train_step(state, KEY, BATCH, recipe=r)[0].params for r in recipes]

    found, (a, b) = jax.tree.map(np.asarray, compute(PARAMS))
    np.testing.assert_allclose(found, expected / 50, rtol=1e-4)
    jax.tree.map(lambda a, b, p: np.testing.assert_allclose(a - b, p / (4 * 50), rtol=1e-2, atol=1e-6), a, b, params)


def test_gradient_statistics_against_a_plain_loop(exact_gradient):
    found = gradient_statistics(
        KEY,
        LINEAR_BOUNDS["elbo"],
        LINEAR,
        exact.bind_linear_gaussian,
        X,
        num_keys=50,
        exact=exact_gradient,
    )

    @jax.jit
    def one(i):
        key = jax.random.fold_in(KEY, i)
        return jax.grad(lambda p: LINEAR_BOUNDS["elbo"](key, exact.bind_linear_gaussian(p), X).objective)(LINEAR)

    each = [jax.tree.map(np.asarray, one(i)) for i in range(50)]
    weights = np.stack([g["decoder"].weight for g in each])
    np.testing.assert_allclose(found.leaves.mean["decoder"].weight, weights.mean(0), rtol=1e-3, atol=1e-5)
    np.testing.assert_allclose(found.leaves.variance["decoder"].weight, weights.var(0, ddof=1), rtol=1e-3, atol=1e-6)
    encoder = np.concatenate(
        [np.stack([np.ravel(leaf) for leaf in map(lambda g, i=i: g["encoder"][i], each)]) for i in range(3)], axis=1
    )
    np.testing.assert_allclose(found.recognition.variance, encoder.var(0, ddof=1).mean(), rtol=1e-3)
    assert found.seconds > 0
    assert np.isfinite(found.generator.bias)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: objectives.miwae(KEY, MODEL, BITS, num_groups=0),
            "num_groups is 0: expected a whole number",
        ),
        (
            lambda: objectives.dreg(KEY, MODEL, BITS, num_samples=0),
            "num_samples is 0: expected a whole number",
        ),
        (lambda: objectives.renyi(KEY, MODEL, BITS, alpha=float("nan")), "alpha is nan: expected a finite number; "),
        (lambda: objectives.renyi(KEY, MODEL, BITS, alpha=-float("inf")), "the objective vr_max"),
        (lambda: objectives.ciwae(KEY, MODEL, BITS, beta=1.5), "beta is 1.5: expected a finite number from 0 to 1"),
        (
            lambda: objectives.gumbel(KEY, one_hot_model(LOGITS), PIXELS, temperature=0.0),
            "temperature is 0.0: expected a number above 0; the limit is the objective reinforce",
        ),
        (lambda: objectives.gumbel(KEY, MODEL, BITS), "gumbel needs one-hot latents, found Independent"),
        (
            lambda: objectives.iwae(KEY, one_hot_model(LOGITS), PIXELS),
            "use the objective reinforce, vimco or enumerate",
        ),
        (lambda: objectives.elbo(KEY, exact.bind_table(TABLE), SYMBOL), "is discrete, so its draws carry no gradient"),
        (lambda: objectives.enumerate(KEY, MODEL, BITS), "cannot be enumerated: use reinforce or vimco"),
        (
            lambda: objectives.vimco(KEY, MODEL, BITS, num_samples=1),
            "is 1: .* of at least 2; a leave-one",
        ),
        (
            lambda: objectives.reinforce(KEY, MODEL, BITS, num_samples=1),
            "is 1: .* of at least 2; a leave-one",
        ),
        (
            lambda: objectives.reinforce(KEY, MODEL, BITS, baseline="mean"),
            "baseline is 'mean': expected \"leave_one",
        ),
        (lambda: objectives.total_correlation(KEY, MODEL, BITS, num_train=9), "takes a batch of at least 2 examples"),
        (
            lambda: objectives.info(KEY, MODEL._replace(prior=MIXTURE), BATCH),
            "carry no gradient to all of its",
        ),
        (lambda: objectives.info(KEY, MATRICES, BATCH), r"compares vectors, found a z of shape \(2, 2\)"),
        (lambda: objectives.info(KEY, MODEL, BATCH[:1]), r"found shape \(1, 6\): call it without vmap"),
        (lambda: objectives.total_correlation(KEY, MATRICES, BATCH, num_train=9), r"found a z of shape \(2, 2\)"),
        (lambda: evaluate.elbo(KEY, MODEL, BITS, num_samples=0), "num_samples is 0"),
        (lambda: evaluate.kl_per_layer(KEY, MODEL, BITS, num_samples=0), "num_samples is 0"),
        (lambda: evaluate.cluster_probabilities(KEY, MODEL, BITS, num_samples=0), "num_samples is 0"),
        (lambda: posterior_means(KEY, MODEL, BATCH, num_samples=0), "num_samples is 0"),
        (lambda: posterior_means(KEY, MODEL, BATCH, batch_size=0), "batch_size is 0"),
        (lambda: posterior_means(KEY, MODEL, BATCH[:0]), "found no examples"),
        (lambda: batches_of(KEY, jnp.array(0), 5, 6), "batch_size is 6: expected at most 5, the examples"),
        (lambda: batches_of(KEY, jnp.array(0), 5, 0), "batch_size is 0"),
        (lambda: objectives.free_bits(KEY, MODEL, BITS, group_size=3), "expected a divisor of the 2 latent dimensions"),
        (
            lambda: gradient_statistics(KEY, objectives.elbo, TABLE, exact.bind_table, SYMBOL, num_keys=1),
            "num_keys is 1",
        ),
    ],
)
def test_what_cannot_be_is_refused(call, message):
    with pytest.raises(UsageError, match=message):
        jax.eval_shape(call)  # refused as it is traced


def test_a_context_is_given_to_scheduled_options():
    loss = batch_loss(objectives.elbo, beta=lambda context: context.average)
    _, metrics = jax.jit(lambda key, average: loss(key, MODEL, BATCH, Context(jnp.array(0), average)))(KEY, 3.0)
    np.testing.assert_allclose(metrics["objective"], metrics["log_px_z"] - 3 * metrics["kl"], rtol=1e-5)


def test_the_signal_to_noise_ratios_have_the_slopes_of_theory():
    """Generator and DReG grow as K^(1/2), IWAE's recognition model falls as K^(-1/2); slopes within 0.15."""
    for curve in snr.snr_curves((4, 64), num_keys=10_000):  # a K midway would not move the slope
        assert abs(curve.slope - curve.theory) < 0.15, (curve.name, curve.slope)


def test_a_study_draws_its_figure(tmp_path, monkeypatch):
    studies = load_studies()
    loaded = sys.modules[f"{studies.__name__}.snr"]
    monkeypatch.setattr(loaded, "snr_curves", lambda: [snr.Curve("one", np.array([1, 4]), np.array([1.0, 2.0]), 0.5)])
    path, lines = studies.draw("snr", tmp_path / "new")
    assert path.is_file()
    assert lines == ["one: slope 0.50, theory 0.50"]


def test_the_elbo_beside_relaxed_draws_is_that_of_one_hot_ones():
    q = OneHotCategorical(jnp.array([0.3, -0.2, 0.5]))
    decode = lambda z: dist.Normal(z @ jnp.array([1.0, 2.0, 4.0]), 0.5)
    model = Model(OneHotCategorical(jnp.zeros(3)), lambda x: q, decode)
    found = objectives.gumbel(jax.random.key(0), model, jnp.float32(3.0), temperature=2.0)
    np.testing.assert_allclose(found.elbo, found.log_px_z - found.kl, rtol=1e-6)
    assert abs(found.objective - found.elbo) > 0.1
