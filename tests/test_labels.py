"""Models with a label among their latents, against sums over the labels and quadrature over the rest."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import pytest

from vaex import evaluate, objectives
from vaex.data.labelled import choose_labelled
from vaex.distributions import IndependentBernoulli, OneHotCategorical
from vaex.distributions.labelled import Labelled, Pair
from vaex.errors import UsageError
from vaex.evaluate.labels import accuracy, accuracy_from_latents, label_probabilities
from vaex.model import Model
from vaex.models.likelihoods import bernoulli
from vaex.models.m1m2 import M1M2
from vaex.models.m2 import M2
from vaex.models.posteriors import diagonal_normal
from vaex.models.priors import standard_normal
from vaex.models.vae import VAE
from vaex.networks import MLP

KEY = jax.random.key(0)
K, D = 3, 4
A, B, C, E = (jax.random.normal(jax.random.key(i), (K, D)) for i in range(4))
X = jnp.array([1.0, 0.0, 1.0, 1.0])
CLASSES = jnp.eye(K)
NUM_KEYS = 20_000
DRAWS = jax.random.split(KEY, NUM_KEYS)
Z, STEP = np.linspace(-9, 9, 4001, retstep=True)


def small_m2(x_shape=(D,), latent_dim=2, *, likelihood=None, raw=(D,)):
    return M2(
        x_shape=x_shape,
        num_classes=K,
        classifier=MLP((8,), (K,)),
        encoder=MLP((8,), (2 * latent_dim,)),
        decoder=MLP((8,), raw),
        prior=standard_normal(latent_dim),
        posterior=diagonal_normal(),
        likelihood=likelihood or bernoulli(),
    )


def tiny():
    """A label and one number: x ~ Bernoulli(A_y + B_y z), q(y|x) = softmax(C x), q(z|x, y) = N(E_y x / 2, 0.7)."""
    normal = lambda mean, sigma: dist.Normal(mean[None], sigma).to_event(1)
    return Model(
        prior=Labelled(OneHotCategorical(jnp.zeros(K)), jax.vmap(lambda y: normal(0.0 * y[0], 1.0))(CLASSES)),
        encode=lambda x: Labelled(OneHotCategorical(C @ x), jax.vmap(lambda y: normal(y @ E @ x / 2, 0.7))(CLASSES)),
        decode=lambda latent: IndependentBernoulli(latent.y @ A + latent.y @ B * latent.z, 1),
    )


def exact():
    """Log p(x, y) and -L(x, y) of each y, and q(y|x)."""
    logits = np.asarray(A)[:, :, None] + np.asarray(B)[:, :, None] * Z  # [class, pixel, z]
    log_px_z = np.sum(np.asarray(X)[:, None] * logits - np.logaddexp(0, logits), axis=1)
    log_p = -(Z**2) / 2 - np.log(2 * np.pi) / 2
    mean = np.asarray(E @ X / 2)[:, None]
    log_q = -(((Z - mean) / 0.7) ** 2) / 2 - np.log(0.7) - np.log(2 * np.pi) / 2
    log_pxy = np.log(np.sum(np.exp(log_px_z + log_p), axis=1) * STEP) - np.log(K)
    bounds = np.sum(np.exp(log_q) * (log_px_z + log_p - log_q), axis=1) * STEP - np.log(K)
    return log_pxy, bounds, np.asarray(jax.nn.softmax(C @ X))


def over_draws(f, keys=DRAWS):
    return jax.jit(jax.vmap(f))(keys)


def assert_mean(values, expected, *, standard_errors=5):
    error = float(jnp.std(values)) / len(values) ** 0.5
    assert abs(float(jnp.mean(values)) - expected) < standard_errors * error + 1e-5


def test_the_bounds_are_the_exact_sums():
    """-L of each label and -U, each within 5 standard errors of 20,000 draws, and below log p(x, y) and log p(x)."""
    log_pxy, bounds, q_y = exact()
    per_label = jax.vmap(lambda y: over_draws(lambda k: objectives.labelled_bound(k, tiny(), X, y).objective))
    for values, expected in zip(per_label(CLASSES), bounds, strict=True):
        assert_mean(values, expected)
    log_px, expected = np.logaddexp.reduce(log_pxy), np.sum(q_y * (bounds - np.log(q_y)))
    terms = over_draws(lambda k: objectives.unlabelled_bound(k, tiny(), X))
    assert_mean(terms.objective, expected)
    np.testing.assert_allclose(terms.elbo, terms.log_px_z - terms.kl, rtol=1e-5)
    assert (bounds < log_pxy).all()
    assert expected < log_px - 0.1


def test_a_model_with_labels_is_an_ordinary_model_of_images_without():
    """Its ELBO over draws of (y, z) is -U, within 5 standard errors; many draws find log p(x); q's mean is right."""
    log_pxy, bounds, q_y = exact()
    elbos = over_draws(lambda k: evaluate.elbo(k, tiny(), X).elbo)
    assert_mean(elbos, np.sum(q_y * (bounds - np.log(q_y))))
    weights = jax.jit(lambda: objectives.sample_weights(KEY, tiny(), X, tiny().encode(X), NUM_KEYS))()
    assert_mean(weights.log_w, np.sum(q_y * (bounds - np.log(q_y))))
    assert_mean(jnp.exp(weights.log_w), np.sum(np.exp(log_pxy)))
    draws, mean = jax.jit(lambda: (tiny().encode(X).sample(KEY, (NUM_KEYS,)), tiny().encode(X).mean))()
    for drawn, expected in ((draws.y[:, 0], mean.y[0]), (draws.y[:, 1], mean.y[1]), (draws.z[:, 0], mean.z[0])):
        assert_mean(drawn, float(expected))
    np.testing.assert_allclose(mean.y, q_y, rtol=1e-5)


def test_with_every_label_seen_the_objective_is_the_conditional_elbo():
    """Its value and gradient, with alpha = 0, are those of ELBO(x|y) + log p(y); alpha adds log q(y|x)."""
    m2, y = small_m2(), CLASSES[1]
    pair = Pair(X, 1 - X, y)
    options = {"num_train": 50, "num_labels": 50}

    def ours(params, alpha=0.0):
        return objectives.semi_supervised(KEY, m2.bind(params), pair, alpha=alpha, **options).objective

    def expected(params):
        given = Model(
            prior=dist.Normal(jnp.zeros(2), 1.0).to_event(1),
            encode=lambda x: diagonal_normal().apply({}, m2.encoder.apply(params["encoder"], x, y)),
            decode=lambda z: bernoulli().apply({}, m2.decoder.apply(params["decoder"], z, y)),
        )
        return objectives.elbo(jax.random.split(KEY)[1], given, 1 - X).objective - jnp.log(K)

    params = jax.jit(m2.init)(KEY)
    close = functools.partial(np.testing.assert_allclose, rtol=1e-4, atol=1e-6)
    jax.tree.map(close, *(jax.jit(jax.value_and_grad(f))(params) for f in (ours, expected)))
    log_q = jax.nn.log_softmax(m2.classifier.apply(params["classifier"], 1 - X))[1]
    np.testing.assert_allclose(ours(params, 0.3) - ours(params), 0.3 * log_q, rtol=1e-3)


def test_the_weights_are_those_of_the_whole_data_set():
    """The mean over all pairs of an image without a label and one with it is -J^alpha / N."""
    model = tiny()
    images = (jnp.arange(6)[:, None] // 2 ** jnp.arange(D) % 2).astype(jnp.float32)
    unlabelled, labelled, labels, alpha = images[:4], images[4:], CLASSES[:2], 0.7
    key_u, key_l = jax.random.split(KEY)
    objective = functools.partial(objectives.semi_supervised, num_train=6, num_labels=2, alpha=alpha)
    u = sum(jax.jit(jax.vmap(lambda x: objectives.unlabelled_bound(key_u, model, x).elbo))(unlabelled))
    seen = sum(jax.jit(jax.vmap(lambda x, y: objectives.labelled_bound(key_l, model, x, y).elbo))(labelled, labels))
    log_q = jax.nn.log_softmax(labelled @ C.T)[jnp.arange(2), jnp.arange(2)]
    pairs = Pair(jnp.repeat(unlabelled, 2, axis=0), jnp.tile(labelled, (4, 1)), jnp.tile(labels, (4, 1)))
    pairs = jax.jit(jax.vmap(lambda pair: objective(KEY, model, pair).objective))(pairs)
    np.testing.assert_allclose(np.mean(pairs), (u + seen + alpha * 6 * np.mean(log_q)) / 6, rtol=1e-4)


def small_m1m2():
    m1 = VAE((D,), MLP((8,), (4,)), MLP((8,), (D,)), standard_normal(2), diagonal_normal(), bernoulli())
    return M1M2(m1, small_m2((2,), likelihood=diagonal_normal(), raw=(4,)))


def test_m1_is_trained_as_if_it_were_alone():
    """The gradient of M1 is the plain ELBO's from the same draw, and that of M2 reaches all of M2."""
    both = small_m1m2()
    params = jax.jit(both.init)(KEY)
    pair = Pair(X, 1 - X, CLASSES[0])
    objective = functools.partial(objectives.stacked_semi_supervised, num_train=9, num_labels=3)
    grads = jax.jit(jax.grad(lambda p: objective(KEY, both.bind(p), pair).objective))(params)
    key = jax.random.split(KEY, 3)[0]

    def elbo(p):
        model = both.m1.bind(p)
        q = model.encode(X)
        return model.decode(q.sample(key)).log_prob(X) - objectives.closed_form_kl(q, model.prior)

    close = functools.partial(np.testing.assert_allclose, rtol=1e-4, atol=1e-6)
    jax.tree.map(close, grads["m1"], jax.jit(jax.grad(elbo))(params["m1"]))
    for part in ("classifier", "encoder", "decoder"):
        assert max(float(jnp.abs(g).max()) for g in jax.tree.leaves(grads["m2"][part])) > 1e-4, part


def test_the_stacked_model_is_an_ordinary_model():
    """Draws come with their densities; its reported ELBO is, over draws, that of the joint model, 5 standard errors."""
    both = small_m1m2()
    params = jax.jit(both.init)(KEY)
    params["m2"]["classifier"] = jax.tree.map(lambda a: 5 * a, params["m2"]["classifier"])  # away from 1/3
    model = both.bind(params)

    @jax.jit
    def draw():
        q = model.encode(X)
        z, log_q = q.sample_and_log_prob(KEY, (7,))
        return log_q, jax.vmap(q.log_prob)(z), model.prior.sample(KEY, (7,))

    log_q, expected, from_prior = draw()
    keys = jax.random.split(jax.random.key(8))
    estimate = lambda q: evaluate.posterior_mean(keys[0], q, num_samples=5000)
    mean, draws = jax.jit(lambda q: (estimate(q), q.sample(keys[1], (5000,))))(model.encode(X))
    assert_mean(draws.below[:, 0], float(mean.below[0]))
    assert jnp.all(jnp.abs(mean.above.y - draws.above.y.mean(axis=0)) < 5 * (2 * 0.25 / 5000) ** 0.5)
    assert jnp.abs(mean.above.y - 1 / K).max() > 0.2
    np.testing.assert_allclose(log_q, expected, rtol=1e-5)
    assert from_prior.above.y.shape == (7, K)
    keys, pair = DRAWS[:5000], Pair(X, X, CLASSES[0])
    objective = functools.partial(objectives.stacked_semi_supervised, num_train=9, num_labels=3)
    reported = over_draws(lambda k: objective(k, model, pair).elbo, keys)
    drawn = over_draws(lambda k: evaluate.elbo(k, model, X).elbo, keys)
    error = ((jnp.var(reported) + jnp.var(drawn)) / len(keys)) ** 0.5
    assert abs(jnp.mean(reported) - jnp.mean(drawn)) < 5 * error


def test_several_inputs_are_one_vector():
    one, two = MLP((5,), (2,)), MLP((5,), (2,))
    params = two.init(KEY, X, CLASSES[0])
    hidden = params["params"]["hidden_0"]
    kernel = jnp.concatenate([hidden["kernel"], params["params"]["hidden_0_1"]["kernel"]])
    joined = {"params": {"hidden_0": hidden | {"kernel": kernel}, "out": params["params"]["out"]}}
    np.testing.assert_allclose(
        two.apply(params, X, CLASSES[2]), one.apply(joined, jnp.concatenate([X, CLASSES[2]])), rtol=1e-5
    )


def test_labelled_images_are_balanced_and_chosen_by_the_key():
    drawn = np.random.default_rng(0).choice(3, 300, p=[0.6, 0.3, 0.1])
    chosen = choose_labelled(KEY, drawn, 31, num_classes=3)
    assert len(set(chosen.tolist())) == 31
    assert sorted(np.bincount(drawn[chosen]).tolist()) == [10, 10, 11]
    assert set(chosen.tolist()) != set(choose_labelled(jax.random.key(1), drawn, 31, num_classes=3).tolist())
    few = int((drawn == 2).sum())
    assert np.bincount(drawn[choose_labelled(KEY, drawn, 3 * few + 20, num_classes=3)])[2] == few


@pytest.mark.parametrize(
    ("labels", "num_labels", "message"),
    [
        ([-1] * 9, 3, "has no labels"),
        ([0, 1, 2, -1], 3, "has no labels"),
        ([0, 1, 2, 3], 3, "has the label 3: expected labels 0 to 2"),
        ([0, 1, 1, 1], 3, "no training image has label 2"),
        ([0, 1, 2, 2], 2, "num_labels is 2: expected 3"),
        ([0, 1, 2, 2], 4, "num_labels is 4: expected 3 .* to 3"),
    ],
)
def test_labels_that_cannot_be_are_refused(labels, num_labels, message):
    with pytest.raises(UsageError, match=message):
        choose_labelled(KEY, np.array(labels), num_labels, num_classes=3)


def test_a_label_that_is_none():
    model = tiny()
    with pytest.raises(UsageError, match=r"label has shape \(2,\): expected one-hot, \(3,\)"):
        objectives.labelled_bound(KEY, model, X, jnp.eye(2)[1])
    assert np.isnan(objectives.labelled_bound(KEY, model, X, jax.nn.one_hot(K, K)).objective)
    assert np.isfinite(objectives.labelled_bound(KEY, model, X, jax.nn.one_hot(K - 1, K)).objective)


def test_accuracies():
    means = jnp.array([[0.0, 0.1], [0.1, 0.0], [3.0, 3.1], [3.1, 3.0]])
    y = np.array([0, 0, 1, 1])
    assert accuracy_from_latents(means, y, means + 0.2, y) == 1.0
    assert accuracy_from_latents(means, y, means + 0.2, 1 - y) == 0.0
    q = jax.vmap(tiny().encode)(jnp.stack([X, 1 - X]))
    probabilities = label_probabilities(jax.vmap(lambda q: q.mean)(q))
    best = np.asarray(jnp.argmax(jnp.stack([C @ X, C @ (1 - X)]), axis=-1))
    assert accuracy(probabilities, best) == 1.0
    assert accuracy(probabilities, np.array([best[0], (best[1] + 1) % K])) == 0.5


def test_an_accuracy_of_examples_without_labels_is_none():
    for labels in ([0, -1], [-1, -1]):
        with pytest.raises(UsageError, match="of 2 examples have no label"):
            accuracy(jnp.eye(2), np.array(labels))
        with pytest.raises(UsageError, match="of 2 examples have no label"):
            accuracy_from_latents(jnp.eye(2), np.array([0, 1]), jnp.eye(2), np.array(labels))
    with pytest.raises(UsageError, match=r"shape \(2, 1\): expected \(2,\)"):
        accuracy(jnp.eye(2), np.array([[0], [1]]))


def test_the_only_class_there_is():
    test_labels = np.array([1, 1, 0, 1])
    assert accuracy_from_latents(jnp.zeros((3, 2)), np.ones(3, int), jnp.ones((4, 2)), test_labels) == 0.75
