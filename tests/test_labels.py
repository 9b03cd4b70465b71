"""Models with a label among their latents, against sums over the labels and quadrature over the rest."""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import pytest
import scipy.special

from tests.models import drawn
from vaex import evaluate, objectives
from vaex.data.labelled import choose_labelled
from vaex.distributions import IndependentBernoulli, OneHotCategorical
from vaex.distributions.labelled import Labelled, Pair
from vaex.errors import OptionError, UsageError
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
A, B, C, E = (np.asarray(jax.random.normal(jax.random.key(i), (K, D))) for i in range(4))
X, FLIPPED = jnp.array([1.0, 0.0, 1.0, 1.0]), jnp.array([0.0, 1.0, 0.0, 0.0])
CLASSES = np.eye(K, dtype=np.float32)
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


def tiny(a=A, b=B, c=C, e=E):
    """A label and one number: x ~ Bernoulli(A_y + B_y z), q(y|x) = softmax(C x), q(z|x, y) = N(E_y x / 2, 0.7)."""
    normal = lambda mean, sigma: dist.Normal(mean[None], sigma).to_event(1)
    return Model(
        prior=Labelled(OneHotCategorical(jnp.zeros(K)), jax.vmap(lambda y: normal(0.0 * y[0], 1.0))(CLASSES)),
        encode=lambda x: Labelled(OneHotCategorical(c @ x), jax.vmap(lambda y: normal(y @ e @ x / 2, 0.7))(CLASSES)),
        decode=lambda latent: IndependentBernoulli(latent.y @ a + latent.y @ b * latent.z, 1),
    )


def exact():
    """Log p(x, y) and -L(x, y) of each y, and q(y|x)."""
    x, logits = np.asarray(X), A[:, :, None] + B[:, :, None] * Z  # [class, pixel, z]
    log_px_z = np.sum(x[:, None] * logits - np.logaddexp(0, logits), axis=1)
    log_p = -(Z**2) / 2 - np.log(2 * np.pi) / 2
    mean = (E @ x / 2)[:, None]
    log_q = -(((Z - mean) / 0.7) ** 2) / 2 - np.log(0.7) - np.log(2 * np.pi) / 2
    log_pxy = np.log(np.sum(np.exp(log_px_z + log_p), axis=1) * STEP) - np.log(K)
    bounds = np.sum(np.exp(log_q) * (log_px_z + log_p - log_q), axis=1) * STEP - np.log(K)
    return log_pxy, bounds, scipy.special.softmax(C @ x)


def assert_mean(values, expected, *, standard_errors=5):
    error = np.std(values) / len(values) ** 0.5
    assert abs(np.mean(values) - expected) < standard_errors * error + 1e-5


def test_the_bounds_are_the_exact_sums():
    """-L of each label and -U, each within 5 standard errors of 20,000 draws, and below log p(x, y) and log p(x)."""
    log_pxy, bounds, q_y = exact()

    @jax.jit
    def compute(keys):
        per_label = lambda y: jax.vmap(lambda k: objectives.labelled_bound(k, tiny(), X, y).objective)(keys)
        return jax.vmap(per_label)(CLASSES), jax.vmap(lambda k: objectives.unlabelled_bound(k, tiny(), X))(keys)

    of_labels, terms = jax.tree.map(np.asarray, compute(DRAWS))
    for values, expected in zip(of_labels, bounds, strict=True):
        assert_mean(values, expected)
    log_px, expected = np.logaddexp.reduce(log_pxy), np.sum(q_y * (bounds - np.log(q_y)))
    assert_mean(terms.objective, expected)
    np.testing.assert_allclose(terms.elbo, terms.log_px_z - terms.kl, rtol=1e-5)
    assert (bounds < log_pxy).all()
    assert expected < log_px - 0.1


def test_a_label_drawn_in_place_of_the_unlikely_ones_leaves_the_bound_and_its_gradient():
    """Of three labels one, and one drawn of the others: within 5 standard errors of 20,000 draws; of two it is all."""

    @jax.jit
    def compute(parts, keys):
        bound = lambda parts, k, num: objectives.unlabelled_bound(k, tiny(*parts), X, num_exact=num).objective
        found = lambda num: jax.vmap(jax.value_and_grad(lambda p, k: bound(p, k, num)), (None, 0))(parts, keys)
        return found(1), found(2), found(None)

    estimates, whole, exact = jax.tree.map(np.asarray, compute((A, B, C, E), DRAWS))
    jax.tree.map(np.testing.assert_array_equal, whole, exact)
    for values, expected in zip(jax.tree.leaves(estimates), jax.tree.leaves(exact), strict=True):
        flat = (values - expected).reshape(NUM_KEYS, -1)
        error = np.std(flat, axis=0) / NUM_KEYS**0.5
        assert (np.abs(flat.mean(axis=0)) < 5 * error + 1e-5).all()
        assert (error > 1e-4).any()
    with pytest.raises(OptionError, match="num_exact is 0: expected a whole number of at least 1"):
        objectives.unlabelled_bound(KEY, tiny(), X, num_exact=0)


def test_where_all_other_labels_are_ruled_out_one_is_the_whole_sum():
    """q(y|x) is sure of the second, by logits of -inf for the others, of which one is drawn all the same."""

    def bound(a, logits):
        model = tiny(a=a)
        sure = lambda x: dataclasses.replace(model.encode(x), label=OneHotCategorical(logits))
        return objectives.unlabelled_bound(KEY, model._replace(encode=sure), X, num_exact=1).objective

    value, gradient = jax.jit(jax.value_and_grad(bound))(A, jnp.array([-jnp.inf, 0.0, -jnp.inf]))
    assert np.isfinite(value)
    assert np.isfinite(gradient).all()
    assert (gradient[::2] == 0).all()
    assert (gradient[1] != 0).any()


def test_a_model_with_labels_is_an_ordinary_model_of_images_without():
    """Its ELBO over draws of (y, z) is -U, within 5 standard errors; many draws find log p(x); q's mean is right."""
    log_pxy, bounds, q_y = exact()

    @jax.jit
    def compute(keys):
        model, q = tiny(), tiny().encode(X)
        elbos = jax.vmap(lambda k: evaluate.elbo(k, model, X).elbo)(keys)
        weights = objectives.sample_weights(KEY, model, X, q, NUM_KEYS)
        return elbos, weights.log_w, q.sample(KEY, (NUM_KEYS,)), q.mean

    elbos, log_w, draws, mean = jax.tree.map(np.asarray, compute(DRAWS))
    assert_mean(elbos, np.sum(q_y * (bounds - np.log(q_y))))
    assert_mean(log_w, np.sum(q_y * (bounds - np.log(q_y))))
    assert_mean(np.exp(log_w), np.sum(np.exp(log_pxy)))
    for found, expected in ((draws.y[:, 0], mean.y[0]), (draws.y[:, 1], mean.y[1]), (draws.z[:, 0], mean.z[0])):
        assert_mean(found, float(expected))
    np.testing.assert_allclose(mean.y, q_y, rtol=1e-5)


def test_with_every_label_seen_the_objective_is_the_conditional_elbo():
    """Its value and gradient, with alpha = 0, are those of ELBO(x|y) + log p(y); alpha adds log q(y|x)."""
    m2, y = small_m2(), jnp.asarray(CLASSES[1])
    pair = Pair(X, FLIPPED, y)
    options = {"num_train": 50, "num_labels": 50}

    def ours(params, alpha=0.0):
        return objectives.semi_supervised(KEY, m2.bind(params), pair, alpha=alpha, **options).objective

    def expected(params):
        given = Model(
            prior=dist.Normal(jnp.zeros(2), 1.0).to_event(1),
            encode=lambda x: diagonal_normal().apply({}, m2.encoder.apply(params["encoder"], x, y)),
            decode=lambda z: bernoulli().apply({}, m2.decoder.apply(params["decoder"], z, y)),
        )
        return objectives.elbo(jax.random.split(KEY)[1], given, FLIPPED).objective - jnp.log(K)

    @jax.jit
    def compute(params):
        log_q = jax.nn.log_softmax(m2.classifier.apply(params["classifier"], FLIPPED))[1]
        both = [jax.value_and_grad(f)(params) for f in (ours, expected)]
        return both, ours(params, 0.3), log_q

    both, with_alpha, log_q = jax.tree.map(np.asarray, compute(drawn(m2.init)))
    jax.tree.map(functools.partial(np.testing.assert_allclose, rtol=1e-4, atol=1e-6), *both)
    np.testing.assert_allclose(with_alpha - both[0][0], 0.3 * log_q, rtol=1e-3)


def test_the_weights_are_those_of_the_whole_data_set():
    """The mean over all pairs of an image without a label and one with it is -J^alpha / N."""
    images = (np.arange(6)[:, None] // 2 ** np.arange(D) % 2).astype(np.float32)
    unlabelled, labelled, labels, alpha = images[:4], images[4:], CLASSES[:2], 0.7
    objective = functools.partial(objectives.semi_supervised, num_train=6, num_labels=2, alpha=alpha)
    pairs = Pair(np.repeat(unlabelled, 2, axis=0), np.tile(labelled, (4, 1)), np.tile(labels, (4, 1)))

    @jax.jit
    def compute(unlabelled, labelled, labels, pairs):
        model, (key_u, key_l) = tiny(), jax.random.split(KEY)
        u = jax.vmap(lambda x: objectives.unlabelled_bound(key_u, model, x).elbo)(unlabelled)
        seen = jax.vmap(lambda x, y: objectives.labelled_bound(key_l, model, x, y).elbo)(labelled, labels)
        return u, seen, jax.vmap(lambda pair: objective(KEY, model, pair).objective)(pairs)

    u, seen, of_pairs = map(np.asarray, compute(unlabelled, labelled, labels, pairs))
    log_q = np.diag(scipy.special.log_softmax(labelled @ C.T, axis=-1))
    expected = (u.sum() + seen.sum() + alpha * 6 * np.mean(log_q)) / 6
    np.testing.assert_allclose(np.mean(of_pairs), expected, rtol=1e-4)


def small_m1m2():
    m1 = VAE((D,), MLP((8,), (4,)), MLP((8,), (D,)), standard_normal(2), diagonal_normal(), bernoulli())
    return M1M2(m1, small_m2((2,), likelihood=diagonal_normal(), raw=(4,)))


def test_m1_is_trained_as_if_it_were_alone():
    """The gradient of M1 is the plain ELBO's from the same draw, and that of M2 reaches all of M2."""
    both = small_m1m2()
    pair = Pair(X, FLIPPED, jnp.asarray(CLASSES[0]))
    objective = functools.partial(objectives.stacked_semi_supervised, num_train=9, num_labels=3)

    def elbo(p):
        model = both.m1.bind(p)
        q = model.encode(X)
        z = q.sample(jax.random.split(KEY, 3)[0])
        return model.decode(z).log_prob(X) - objectives.closed_form_kl(q, model.prior)

    @jax.jit
    def gradients(params):
        return jax.grad(lambda p: objective(KEY, both.bind(p), pair).objective)(params), jax.grad(elbo)(params["m1"])

    found, alone = jax.tree.map(np.asarray, gradients(drawn(both.init)))
    jax.tree.map(functools.partial(np.testing.assert_allclose, rtol=1e-4, atol=1e-6), found["m1"], alone)
    for part in ("classifier", "encoder", "decoder"):
        assert max(np.abs(g).max() for g in jax.tree.leaves(found["m2"][part])) > 1e-4, part


def test_the_stacked_model_is_an_ordinary_model():
    """Draws come with their densities; its reported ELBO is, over draws, that of the joint model, 5 standard errors."""
    both = small_m1m2()
    params = jax.tree.map(np.asarray, drawn(both.init))
    params["m2"]["classifier"] = jax.tree.map(lambda a: 5 * a, params["m2"]["classifier"])  # away from 1/3
    pair = Pair(X, X, jnp.asarray(CLASSES[0]))
    objective = functools.partial(objectives.stacked_semi_supervised, num_train=9, num_labels=3)

    @jax.jit
    def compute(params, keys):
        model = both.bind(params)
        q, (first, second) = model.encode(X), jax.random.split(jax.random.key(8))
        z, log_q = q.sample_and_log_prob(KEY, (7,))
        densities = log_q, jax.vmap(q.log_prob)(z)
        moments = evaluate.posterior_mean(first, q, num_samples=5000), q.sample(second, (5000,))
        elbos = jax.vmap(lambda k: (objective(k, model, pair).elbo, evaluate.elbo(k, model, X).elbo))(keys)
        return densities, moments, elbos, model.prior.sample(KEY, (7,))

    densities, (mean, draws), elbos, from_prior = jax.tree.map(np.asarray, compute(params, DRAWS[:5000]))
    assert_mean(draws.below[:, 0], float(mean.below[0]))
    assert (np.abs(mean.above.y - draws.above.y.mean(axis=0)) < 5 * (2 * 0.25 / 5000) ** 0.5).all()
    assert np.abs(mean.above.y - 1 / K).max() > 0.2
    np.testing.assert_allclose(*densities, rtol=1e-5)
    assert from_prior.above.y.shape == (7, K)
    reported, separate = elbos
    error = ((reported.var() + separate.var()) / 5000) ** 0.5
    assert abs(reported.mean() - separate.mean()) < 5 * error


def test_several_inputs_are_one_vector():
    one, two = MLP((5,), (2,)), MLP((5,), (2,))
    params = jax.tree.map(np.asarray, drawn(two.init, X, CLASSES[0]))
    hidden = params["params"]["hidden_0"]
    kernel = np.concatenate([hidden["kernel"], params["params"]["hidden_0_1"]["kernel"]])
    joined = {"params": {"hidden_0": hidden | {"kernel": kernel}, "out": params["params"]["out"]}}
    both = jax.jit(lambda y: (two.apply(params, X, y), one.apply(joined, jnp.concatenate([X, y]))))
    np.testing.assert_allclose(*both(CLASSES[2]), rtol=1e-5)


def test_labelled_images_are_balanced_and_chosen_by_the_key():
    drawn = np.random.default_rng(0).choice(3, 300, p=[0.6, 0.3, 0.1])
    chosen = choose_labelled(KEY, drawn, 31, num_classes=3)
    assert len(set(chosen.tolist())) == 31
    assert sorted(np.bincount(drawn[chosen]).tolist()) == [10, 10, 11]
    assert set(chosen.tolist()) != set(choose_labelled(jax.random.key(1), drawn, 31, num_classes=3).tolist())
    few = int((drawn == 2).sum())
    assert np.bincount(drawn[choose_labelled(KEY, drawn, 3 * few + 20, num_classes=3)])[2] == few


def test_labels_are_chosen_of_those_that_there_are():
    drawn = np.random.default_rng(0).choice([-1, 0, 1, 2], 300)
    assert sorted(np.bincount(drawn[choose_labelled(KEY, drawn, 31, num_classes=3)]).tolist()) == [10, 10, 11]
    every = choose_labelled(KEY, drawn, None, num_classes=3)
    np.testing.assert_array_equal(np.sort(every), np.flatnonzero(drawn >= 0))


@pytest.mark.parametrize(
    ("labels", "num_labels", "message"),
    [
        ([-1] * 9, 3, "no training image has a label, and some are to be learned from"),
        ([-1] * 9, None, "no training image has a label, and some are to be learned from"),
        ([0, 1, 2, 3], 3, "has the label 3: expected labels 0 to 2"),
        ([0, 1, 1, 1], 3, "no training image has label 2"),
        ([0, 1, 1, -1], None, "no training image has label 2"),
        ([0, 1, 2, 2], 2, "num_labels is 2: expected 3"),
        ([0, 1, 2, 2], 4, "num_labels is 4: expected 3 .* to 3 .of 4 training images at least one without a label"),
        ([0, 1, 2, 2], None, "num_labels is unset, and 4 training images have a label: expected 3 .* to 3 .*set --co"),
        ([0, 1, 2, 2, -1], 5, "num_labels is 5: expected 3 .* to 4 .all that have one of 5 training images"),
    ],
)
def test_labels_that_cannot_be_are_refused(labels, num_labels, message):
    with pytest.raises(UsageError, match=message):
        choose_labelled(KEY, np.array(labels), num_labels, num_classes=3)


def test_a_label_that_is_none():
    bound = lambda y: objectives.labelled_bound(KEY, tiny(), X, y).objective
    with pytest.raises(UsageError, match=r"label has shape \(2,\): expected one-hot, \(3,\)"):
        jax.eval_shape(bound, np.array([0, 1], np.float32))
    none, last = jax.jit(jax.vmap(lambda label: bound(jax.nn.one_hot(label, K))))(np.array([K, K - 1]))
    assert np.isnan(none)
    assert np.isfinite(last)


def test_accuracies():
    of_train = np.array([[0.0, 0.1], [0.1, 0.0], [3.0, 3.1], [3.1, 3.0]], np.float32)
    means, of_test = map(jnp.asarray, (of_train, of_train + np.float32(0.2)))
    y = np.array([0, 0, 1, 1])
    assert accuracy_from_latents(means, y, of_test, y) == 1.0
    assert accuracy_from_latents(means, y, of_test, 1 - y) == 0.0
    x = np.stack([X, FLIPPED])
    probabilities = label_probabilities(jax.jit(jax.vmap(lambda x: tiny().encode(x).mean))(x))
    best = np.argmax(x @ C.T, axis=-1)
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
