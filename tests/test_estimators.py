"""Every estimator: unbiased for the gradient of its own bound, right at its limits, and refusing what cannot be."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import optax
import pytest

from experiments.studies import snr
from tests.test_exact import LINEAR, SYMBOL, TABLE, X
from tests.test_objectives import BITS, MODEL, VAE, assert_mean, draws
from vaex import bounds, objectives
from vaex.distributions import DiagonalNormalMixture, OneHotCategorical
from vaex.errors import UsageError
from vaex.evaluate.gradients import gradient_statistics
from vaex.model import Model
from vaex.models import exact
from vaex.objectives import Context, batch_loss
from vaex.runs.experiments import load_studies
from vaex.train import Recipe, init_state, schedules, train_step

KEY = jax.random.key(0)
MIXTURE = DiagonalNormalMixture(jnp.zeros(2), jnp.zeros((2, 2)), jnp.zeros((2, 2)))
MATRICES = Model(
    prior=dist.Normal(jnp.zeros((2, 2)), 1.0).to_event(2),
    encode=lambda x: dist.Normal(jnp.zeros((2, 2)), 1.0).to_event(2),
    decode=lambda z: dist.Normal(jnp.zeros(6) + z.sum(), 1.0).to_event(1),
)
MODEL_LINEAR = exact.bind_linear_gaussian(LINEAR)
NUM_KEYS = 20_000


def statistics(objective, params, bind, x, *, seed=0, num_keys=NUM_KEYS):
    return gradient_statistics(objective, jax.random.key(seed), params, bind, x, num_keys=num_keys).leaves


def assert_same_mean(a, b, *, standard_errors=5, num_keys=NUM_KEYS):
    """Two estimators' mean gradients agree in every component, b with the variance 0 if it is exact."""
    exact_b = not hasattr(b, "variance")
    means_b = b if exact_b else b.mean
    variances_b = jax.tree.map(jnp.zeros_like, b) if exact_b else b.variance
    for m, v, n, u in zip(*map(jax.tree.leaves, (a.mean, a.variance, means_b, variances_b)), strict=True):
        error = np.sqrt((v + u) / num_keys)
        assert (np.abs(m - n) <= standard_errors * error + 1e-5).all(), (m, n, error)


LINEAR_BOUNDS = {
    "elbo": functools.partial(objectives.elbo),
    "elbo, sampled": functools.partial(objectives.elbo, kl="sampled", num_samples=2),
    "stl": functools.partial(objectives.stl, num_samples=2),
    "reinforce": functools.partial(objectives.reinforce, num_samples=4),
    "reinforce, a number": functools.partial(objectives.reinforce, num_samples=4, baseline=jnp.array(-7.0)),
    "iwae of 1": functools.partial(objectives.iwae, num_samples=1),
    "dreg of 1": functools.partial(objectives.dreg, num_samples=1),
    "renyi at 1": functools.partial(objectives.renyi, alpha=1.0),
    "ciwae at 1": functools.partial(objectives.ciwae, num_samples=3, beta=1.0),
    "miwae of 1": functools.partial(objectives.miwae, num_samples=1, num_groups=3),
}


@pytest.mark.parametrize("name", LINEAR_BOUNDS)
def test_unbiased_for_the_exact_gradient_of_the_elbo(name):
    """Every component of generator and recognition model within 5 standard errors of 20,000 gradients."""
    expected = jax.grad(exact.linear_gaussian_elbo)(LINEAR, X)
    assert_same_mean(statistics(LINEAR_BOUNDS[name], LINEAR, exact.bind_linear_gaussian, X), expected)


@pytest.mark.parametrize(
    "name", ["dreg", "vimco", "renyi at 0", "ciwae at 0", "miwae of one group", "piwae of one group"]
)
def test_unbiased_for_the_gradient_of_the_importance_weighted_bound(name):
    """Against independent gradients of iwae, K = 4, within 5 standard errors of the difference of 20,000 each."""
    estimators = {
        "dreg": functools.partial(objectives.dreg, num_samples=4),
        "vimco": functools.partial(objectives.vimco, num_samples=4),
        "renyi at 0": functools.partial(objectives.renyi, num_samples=4, alpha=0.0),
        "ciwae at 0": functools.partial(objectives.ciwae, num_samples=4, beta=0.0),
        "miwae of one group": functools.partial(objectives.miwae, num_samples=4, num_groups=1),
        "piwae of one group": functools.partial(objectives.piwae, num_samples=4, num_groups=1),
    }
    iwae = functools.partial(objectives.iwae, num_samples=4)
    reference = statistics(iwae, LINEAR, exact.bind_linear_gaussian, X, seed=1)
    assert_same_mean(statistics(estimators[name], LINEAR, exact.bind_linear_gaussian, X), reference)


@pytest.mark.parametrize(
    ("objective", "bound"),
    [
        (functools.partial(objectives.reinforce, num_samples=2), exact.table_elbo),
        (functools.partial(objectives.reinforce, num_samples=3, baseline=jnp.array(-1.0)), exact.table_elbo),
        (functools.partial(objectives.vimco, num_samples=2), functools.partial(exact.table_iwae, num_samples=2)),
        (functools.partial(objectives.vimco, num_samples=4), functools.partial(exact.table_iwae, num_samples=4)),
    ],
)
def test_discrete_estimators_are_unbiased_for_the_exact_gradient(objective, bound):
    """Against sums over all states, or tuples of them, within 5 standard errors of 20,000 gradients."""
    expected = jax.grad(bound)(TABLE, SYMBOL)
    assert_same_mean(statistics(objective, TABLE, exact.bind_table, SYMBOL), expected)


def test_enumeration_is_exact():
    found = jax.value_and_grad(lambda p: objectives.enumerate(KEY, exact.bind_table(p), SYMBOL).objective)(TABLE)
    expected = jax.value_and_grad(exact.table_elbo)(TABLE, SYMBOL)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6), found, expected)


def test_baselines_lower_the_variance():
    far = functools.partial(objectives.reinforce, num_samples=4, baseline=jnp.array(0.0))
    loo = functools.partial(objectives.reinforce, num_samples=4)
    variances = [
        gradient_statistics(f, KEY, LINEAR, exact.bind_linear_gaussian, X, num_keys=2000).recognition.variance
        for f in (loo, far)
    ]
    assert variances[0] < variances[1] / 2


@pytest.mark.parametrize("num_samples", [8, 64])
def test_dreg_has_less_noise_than_iwae_in_the_recognition_model_alone(num_samples):
    found = {
        f: gradient_statistics(
            functools.partial(f, num_samples=num_samples), KEY, LINEAR, exact.bind_linear_gaussian, X, num_keys=2000
        )
        for f in (objectives.dreg, objectives.iwae)
    }
    dreg, iwae = found[objectives.dreg], found[objectives.iwae]
    assert dreg.recognition.variance < iwae.recognition.variance / 4
    np.testing.assert_allclose(dreg.generator.variance, iwae.generator.variance, rtol=1e-3)  # the same draws


VALUE_OF = {
    "stl": functools.partial(objectives.elbo, kl="sampled", num_samples=6),
    "reinforce": functools.partial(objectives.elbo, kl="sampled", num_samples=6),
    "dreg": functools.partial(objectives.iwae, num_samples=6),
    "vimco": functools.partial(objectives.iwae, num_samples=6),
}


@pytest.mark.parametrize("name", VALUE_OF)
def test_an_estimator_changes_the_gradient_and_not_the_value(name):
    estimator = functools.partial(getattr(objectives, name), num_samples=6)
    found, expected = (jax.jit(lambda k, f=f: f(k, MODEL, BITS))(KEY) for f in (estimator, VALUE_OF[name]))
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5)


def test_piwae_gives_each_side_its_own_gradient():
    """From the same draws: the generator's is IWAE's of all MK, the recognition model's MIWAE's."""
    params = VAE.init(KEY)
    options = {"num_samples": 3, "num_groups": 4}

    def gradient(f, **options):
        return jax.grad(lambda p: f(jax.random.key(1), VAE.bind(p), BITS, **options).objective)(params)

    piwae, miwae = gradient(objectives.piwae, **options), gradient(objectives.miwae, **options)
    iwae = gradient(objectives.iwae, num_samples=12)
    close = functools.partial(np.testing.assert_allclose, rtol=1e-4, atol=1e-6)
    jax.tree.map(close, piwae["decoder"], iwae["decoder"])
    jax.tree.map(close, piwae["encoder"], miwae["encoder"])
    assert any(
        np.abs(a - b).max() > 1e-4
        for a, b in zip(jax.tree.leaves(miwae["decoder"]), jax.tree.leaves(iwae["decoder"]), strict=True)
    )


def test_renyi_bounds_fall_with_alpha_and_end_at_the_maximum():
    log_w = jnp.asarray(np.random.default_rng(0).normal(scale=3, size=9), jnp.float32)
    values = [float(bounds.renyi(log_w, alpha=a)) for a in (-1000.0, -1.0, 0.0, 0.5, 0.999, 1.0, 1.001, 3.0)]
    assert values == sorted(values, reverse=True)
    np.testing.assert_allclose(values[0], log_w.max() - np.log(9) / 1001, rtol=1e-4)
    np.testing.assert_allclose(values[2], bounds.iwae(log_w), rtol=1e-5)
    np.testing.assert_allclose([values[4], values[6]], values[5], atol=0.01)
    best = objectives.vr_max(KEY, MODEL, BITS, num_samples=9).objective
    near = objectives.renyi(KEY, MODEL, BITS, num_samples=9, alpha=-1e5).objective
    np.testing.assert_allclose(best, near, rtol=1e-4)


def test_ciwae_and_miwae_between_their_ends():
    elbo, iwae = (f(KEY, MODEL, BITS, num_samples=6).objective for f in (VALUE_OF["stl"], objectives.iwae))
    np.testing.assert_allclose(
        objectives.ciwae(KEY, MODEL, BITS, num_samples=6, beta=0.25).objective, 0.25 * elbo + 0.75 * iwae, rtol=1e-5
    )
    middle = objectives.miwae(KEY, MODEL, BITS, num_samples=3, num_groups=2).objective
    assert elbo < middle < iwae


def test_free_bits():
    plain = objectives.elbo(KEY, MODEL, BITS)
    none = objectives.free_bits(KEY, MODEL, BITS, nats=0.0)
    for a, b in zip(none, plain, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5)
    ample = objectives.free_bits(KEY, MODEL, BITS, nats=50.0)
    np.testing.assert_allclose(ample.objective, plain.log_px_z - 100.0, rtol=1e-5)  # two latents
    np.testing.assert_allclose(ample.elbo, plain.elbo, rtol=1e-5)
    together = objectives.free_bits(KEY, MODEL, BITS, nats=50.0, group_size=2)
    np.testing.assert_allclose(together.objective, plain.log_px_z - 50.0, rtol=1e-5)


def test_capacity_is_an_absolute_deviation():
    plain = objectives.elbo(KEY, MODEL, BITS)
    held = objectives.capacity(KEY, MODEL, BITS, nats=3.0, gamma=10.0)
    np.testing.assert_allclose(held.objective, plain.log_px_z - 10 * abs(plain.kl - 3.0), rtol=1e-5)
    assert held.elbo == plain.elbo


BATCH = jnp.asarray(np.random.default_rng(1).integers(0, 2, (5, 6)), jnp.float32)


def test_total_correlation_with_unit_weights_is_the_elbo():
    terms = objectives.total_correlation(KEY, MODEL, BATCH, num_train=100, beta=1.0)
    np.testing.assert_allclose(terms.objective, terms.elbo, rtol=1e-4)


def test_total_correlation_against_loops():
    """The three parts of the KL, written out with scipy's normal densities."""
    import scipy.special
    import scipy.stats

    weights = {"alpha": 2.0, "beta": 5.0, "gamma": 3.0}
    terms = objectives.total_correlation(KEY, MODEL, BATCH, num_train=100, **weights)
    qs = [MODEL.encode(x).base_dist for x in BATCH]
    z = [np.asarray(MODEL.encode(x).sample(k)) for k, x in zip(jax.random.split(KEY, 5), BATCH, strict=True)]
    for i in range(5):
        pairs = np.array([[scipy.stats.norm(q.loc[j], q.scale[j]).logpdf(z[i][j]) for j in range(2)] for q in qs])
        log_q = pairs[i].sum()
        joint = scipy.special.logsumexp(pairs.sum(1)) - np.log(500)
        product = sum(scipy.special.logsumexp(pairs[:, j]) - np.log(500) for j in range(2))
        log_p = scipy.stats.norm.logpdf(z[i]).sum()
        expected = (
            MODEL.decode(jnp.asarray(z[i])).log_prob(BATCH[i])
            - 2 * (log_q - joint)
            - 5 * (joint - product)
            - 3 * (product - log_p)
        )
        np.testing.assert_allclose(terms.objective[i], expected, rtol=1e-4)


def test_info_without_its_discrepancy_is_the_elbo():
    terms = objectives.info(KEY, MODEL, BATCH, alpha=0.0, strength=1.0)
    np.testing.assert_allclose(terms.objective, terms.elbo, rtol=1e-5)
    strong = objectives.info(KEY, MODEL, BATCH, alpha=1.0, strength=10.0)
    assert np.ptp(strong.objective - strong.log_px_z) < 1e-4  # the same discrepancy for each example


def test_squared_mmd_has_its_closed_form_mean():
    """N(0, I) against N(delta, I) in 3 dimensions, within 5 standard errors of 4,000 estimates from 10 draws each."""
    delta = jnp.array([1.0, -0.5, 0.3])

    def estimate(key):
        a, b = jax.random.normal(key, (2, 10, 3))
        return objectives.squared_mmd(a, b + delta)

    expected = 2 * (1 + 2 / 3) ** -1.5 * (1 - jnp.exp(-jnp.sum(delta**2) / (2 * 5)))
    assert_mean(draws(estimate), expected)
    assert_mean(draws(lambda k: objectives.squared_mmd(*jax.random.normal(k, (2, 10, 3)))), 0.0)


def one_hot_model(logits):
    """One one-hot latent of 3 classes and 4 Bernoulli pixels."""
    weight = jnp.asarray(np.random.default_rng(2).normal(size=(3, 4)), jnp.float32)
    return Model(
        prior=OneHotCategorical(jnp.zeros((1, 3))).to_event(1),
        encode=lambda x: OneHotCategorical(logits).to_event(1),
        decode=lambda z: dist.BernoulliLogits(z[0] @ weight).to_event(1),
    )


PIXELS = jnp.array([1.0, 0, 0, 1])


def exact_one_hot_elbo(logits):
    model, q = one_hot_model(logits), jax.nn.softmax(logits[0])
    log_px_z = jax.vmap(lambda z: model.decode(z[None]).log_prob(PIXELS))(jnp.eye(3))
    return jnp.sum(q * (log_px_z - jnp.log(3 * q)))


LOGITS = jnp.array([[0.5, -0.3, 0.1]])


def test_gumbel_softmax_at_a_low_temperature_is_enumeration():
    """Value and gradient within 5 standard errors of 20,000 draws; the bias is of the order of the temperature."""
    objective = functools.partial(objectives.gumbel, temperature=0.02)
    values = draws(lambda k: objective(k, one_hot_model(LOGITS), PIXELS).objective, n=NUM_KEYS)
    expected = exact_one_hot_elbo(LOGITS)
    assert abs(values.mean() - expected) < 5 * values.std() / np.sqrt(NUM_KEYS) + 0.01
    found = statistics(objective, {"encoder": LOGITS}, lambda p: one_hot_model(p["encoder"]), PIXELS)
    gradient = jax.grad(exact_one_hot_elbo)(LOGITS)
    error = np.sqrt(found.variance["encoder"] / NUM_KEYS)
    assert (np.abs(found.mean["encoder"] - gradient) < 5 * error + 0.01).all()


def test_straight_through_has_the_one_hot_value_and_a_gradient():
    objective = functools.partial(objectives.gumbel, straight_through=True, temperature=0.5)
    values = draws(lambda k: objective(k, one_hot_model(LOGITS), PIXELS).objective, n=NUM_KEYS)
    assert_mean(values, exact_one_hot_elbo(LOGITS))
    gradient = jax.grad(lambda logits: objective(KEY, one_hot_model(logits), PIXELS).objective)(LOGITS)
    assert np.abs(gradient).max() > 1e-3


def test_one_hot_categorical_is_a_distribution():
    q = OneHotCategorical(jnp.array([[0.5, -0.3, 0.1], [2.0, 0.0, 0.0]]))
    samples = q.sample(KEY, (20_000,))
    p = np.asarray(q.mean)
    assert (np.abs(samples.mean(0) - p) < 5 * np.sqrt(p * (1 - p) / 20_000)).all()  # 5 standard errors
    np.testing.assert_allclose(np.exp(q.log_prob(q.enumerate_support())).sum(0), 1, rtol=1e-5)
    uniform = OneHotCategorical(jnp.zeros((2, 3)))
    expected = dist.kl_divergence(dist.Categorical(probs=q.mean), dist.Categorical(probs=uniform.mean))
    np.testing.assert_allclose(dist.kl_divergence(q, uniform), expected, rtol=1e-5)


def test_a_vector_of_latents_is_enumerated_as_all_tuples():
    """Two one-hot latents of 3 classes: 9 states, whose exact ELBO is the mean of sampled ones (5 standard errors)."""
    logits = jnp.array([[0.5, -0.3, 0.1], [1.0, 0.0, -1.0]])
    weight = jnp.asarray(np.random.default_rng(2).normal(size=(2, 3, 4)), jnp.float32)
    model = Model(
        prior=OneHotCategorical(jnp.zeros((2, 3))).to_event(1),
        encode=lambda x: OneHotCategorical(logits).to_event(1),
        decode=lambda z: dist.BernoulliLogits(jnp.einsum("nc,ncp->p", z, weight)).to_event(1),
    )
    sampled = draws(lambda k: objectives.reinforce(k, model, PIXELS).objective, n=NUM_KEYS)
    assert_mean(sampled, objectives.enumerate(KEY, model, PIXELS).objective)
    many = model._replace(encode=lambda x: OneHotCategorical(jnp.zeros((9, 3))).to_event(1))
    with pytest.raises(UsageError, match="z has 19,683 states: expected at most 10,000"):
        objectives.enumerate(KEY, many, PIXELS)


def test_schedules():
    steps = np.arange(0, 250, 10)
    np.testing.assert_allclose(
        [schedules.linear(0.0, 2.0, 100)(s) for s in steps], np.minimum(steps / 50, 2), rtol=1e-6
    )
    cycles = np.minimum((steps % 100) / 50, 1)
    np.testing.assert_allclose([schedules.cyclical(0.0, 1.0, 100)(s) for s in steps], cycles, rtol=1e-6)
    decay = np.maximum(0.25 ** (steps / 100), 0.25)
    np.testing.assert_allclose([schedules.exponential(1.0, 0.25, 100)(s) for s in steps], decay, rtol=1e-5)


def test_a_schedule_moves_inside_the_jit():
    """Beta = step: one compilation, and each step's objective has its own weight."""
    loss = batch_loss(objectives.elbo, beta=lambda context: context.step.astype(jnp.float32))
    recipe = Recipe(VAE.bind, loss, optax.sgd(0.0), lambda key, x: x)
    traces = []

    @jax.jit
    def step(state):
        traces.append(1)
        return train_step(state, KEY, BATCH, recipe=recipe)

    state = init_state(VAE.init(KEY), recipe.optimizer)
    for beta in range(3):
        state, metrics = step(state)
        np.testing.assert_allclose(metrics["objective"], metrics["log_px_z"] - beta * metrics["kl"], rtol=1e-4)
    assert len(traces) == 1


def test_the_moving_average_follows_the_bound():
    recipe = Recipe(
        VAE.bind, batch_loss(objectives.reinforce, baseline=lambda c: c.average), optax.sgd(0.0), lambda k, x: x
    )
    state = init_state(VAE.init(KEY), recipe.optimizer)
    state, first = train_step(state, KEY, BATCH, recipe=recipe)
    assert state.average == first["elbo"]
    after, second = train_step(state, KEY, BATCH, recipe=recipe)
    np.testing.assert_allclose(after.average, 0.99 * first["elbo"] + 0.01 * second["elbo"], rtol=1e-5)


def test_map_adds_the_weights_log_prior():
    params = VAE.init(KEY)
    penalty = functools.partial(objectives.weight_penalty, sigma=2.0, num_train=50)
    expected = sum(
        -dist.Normal(0, 2.0).log_prob(leaf).sum() + dist.Normal(0, 2.0).log_prob(0.0) * leaf.size
        for leaf in jax.tree.leaves(params)
    )
    np.testing.assert_allclose(penalty(params), expected / 50, rtol=1e-4)
    plain = Recipe(VAE.bind, batch_loss(objectives.elbo), optax.sgd(1.0), lambda key, x: x)
    a, b = (
        train_step(init_state(params, plain.optimizer), KEY, BATCH, recipe=r)[0].params
        for r in (plain, plain._replace(penalty=penalty))
    )
    jax.tree.map(lambda a, b, p: np.testing.assert_allclose(a - b, p / (4 * 50), rtol=1e-2, atol=1e-6), a, b, params)


def test_gradient_statistics_against_a_plain_loop():
    found = gradient_statistics(
        LINEAR_BOUNDS["elbo"],
        KEY,
        LINEAR,
        exact.bind_linear_gaussian,
        X,
        num_keys=50,
        exact=jax.grad(exact.linear_gaussian_elbo)(LINEAR, X),
    )

    def one(key):
        return jax.grad(lambda p: LINEAR_BOUNDS["elbo"](key, exact.bind_linear_gaussian(p), X).objective)(LINEAR)

    each = [one(jax.random.fold_in(KEY, i)) for i in range(50)]
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
        (lambda: objectives.ciwae(KEY, MODEL, BITS, beta=1.5), "beta is 1.5: expected 0"),
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
        (lambda: objectives.free_bits(KEY, MODEL, BITS, group_size=3), "expected a divisor of the 2 latent dimensions"),
        (
            lambda: gradient_statistics(objectives.elbo, KEY, TABLE, exact.bind_table, SYMBOL, num_keys=1),
            "num_keys is 1",
        ),
    ],
)
def test_what_cannot_be_is_refused(call, message):
    with pytest.raises(UsageError, match=message):
        call()


def test_a_context_is_given_to_scheduled_options():
    loss = batch_loss(objectives.elbo, beta=lambda context: context.average)
    _, metrics = loss(KEY, MODEL, BATCH, Context(jnp.array(0), jnp.array(3.0)))
    np.testing.assert_allclose(metrics["objective"], metrics["log_px_z"] - 3 * metrics["kl"], rtol=1e-5)


def test_the_signal_to_noise_ratios_have_the_slopes_of_theory():
    """Generator and DReG grow as K^(1/2), IWAE's recognition model falls as K^(-1/2); slopes within 0.15."""
    for curve in snr.snr_curves((8, 32, 128), num_keys=20_000):
        assert abs(curve.slope - curve.theory) < 0.15, (curve.name, curve.slope)


def test_a_study_draws_its_figure(tmp_path, monkeypatch):
    monkeypatch.setattr(snr, "snr_curves", lambda: [snr.Curve("one", np.array([1, 4]), np.array([1.0, 2.0]), 0.5)])
    path, lines = load_studies().draw("snr", tmp_path / "new")
    assert path.is_file()
    assert lines == ["one: slope 0.50, theory 0.50"]
