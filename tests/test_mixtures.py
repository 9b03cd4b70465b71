"""Gaussian mixtures against scikit-learn and scipy, and the clusters read from mixtures."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import pytest
import scipy.stats
from sklearn.datasets import load_iris

from experiments.studies.gmm import fit_both
from tests.one_step import configured
from vaex import Model, evaluate, objectives
from vaex.distributions import DiagonalNormalMixture, abilities
from vaex.distributions.uniform_mixture import uniform_mixture
from vaex.errors import OptionError, UsageError
from vaex.inference.em import maximize
from vaex.models import mixture as mixtures
from vaex.models import priors
from vaex.models.mixture import constrain
from vaex.models.priors import fitted_normal_mixture

RNG = np.random.default_rng(0)
K, D = 3, 2
SCALE = np.tril(RNG.normal(size=(K, D, D)), -1) + np.exp(RNG.normal(size=(K, 1, D))) * np.eye(D)
MIXTURE = mixtures.GaussianMixture(
    *(jnp.asarray(a, jnp.float32) for a in (RNG.normal(size=K), RNG.normal(size=(K, D)), SCALE))
)
FREE = {"decoder": mixtures.free_parameters(MIXTURE)}
X = jnp.array([0.4, -0.3])


def test_components_with_one_width_or_one_place_for_all_dimensions_are_whole_normals():
    """As numpyro holds them, [K, 1] beside [K, d]: the density of scipy's mixture, and draws without correlation."""
    places, widths = np.array([[0.0, 1.0, -2.0], [1.0, 0.5, 0.0]]), np.array([[0.3, 0.5, 2.0], [1.0, 0.4, 0.2]])
    value = np.array([0.2, 0.7, -0.4])

    @jax.jit
    def compute(key):
        one_width = uniform_mixture(jax.vmap(lambda mean: dist.Normal(mean, 0.5).to_event(1))(jnp.asarray(places)))
        one_place = uniform_mixture(jax.vmap(lambda scale: dist.Normal(0.3, scale).to_event(1))(jnp.asarray(widths)))
        return [q.log_prob(jnp.asarray(value)) for q in (one_width, one_place)], one_place.sample(key, (4000,))

    found, draws = compute(jax.random.key(0))
    of = lambda means, scales: scipy.stats.norm(means, scales).logpdf(value).sum(-1)
    np.testing.assert_allclose(
        found, [np.log(np.exp(of(*each)).mean()) for each in ((places, 0.5), (0.3, widths))], rtol=1e-5
    )
    assert np.abs(np.corrcoef(np.asarray(draws), rowvar=False) - np.eye(3)).max() < 5 / np.sqrt(4000)


def test_density_and_posterior_match_scipy():
    log_px, found = jax.jit(lambda x: (MIXTURE.marginal().log_prob(x), MIXTURE.posterior(x).probs))(X)
    logits, means, scales = map(np.asarray, MIXTURE)
    weights = np.exp(logits) / np.exp(logits).sum()
    joint = [
        w * scipy.stats.multivariate_normal(m, s @ s.T).pdf(X) for w, m, s in zip(weights, means, scales, strict=True)
    ]
    np.testing.assert_allclose(log_px, np.log(sum(joint)), rtol=1e-5)
    np.testing.assert_allclose(found, np.array(joint) / sum(joint), rtol=1e-4)


def test_with_the_exact_posterior_enumeration_is_the_log_likelihood_and_so_is_its_gradient():
    def log_px(free):
        return mixtures.constrain(free["decoder"]).marginal().log_prob(X)

    def elbo(free):
        return objectives.enumerate(jax.random.key(0), mixtures.bind_gaussian_mixture(free), X).elbo

    found, expected = (jax.jit(jax.value_and_grad(f))(FREE) for f in (elbo, log_px))
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5), found, expected)


def test_training_reaches_the_likelihood_of_scikit_learns_em():
    """Within 1e-3 nats per example, above the start by more than that."""
    x = jnp.asarray(load_iris().data[:, 2:], jnp.float32)
    fits = fit_both(x, 3, num_steps=1000)
    start = jax.jit(lambda mixture: jnp.mean(jax.vmap(mixture.marginal().log_prob)(x)))(fits.start)
    assert fits.log_likelihood > start + 3e-3
    assert abs(fits.log_likelihood - fits.em_log_likelihood) < 1e-3
    np.testing.assert_allclose(fits.trained.mean, fits.em_means, atol=2e-2)


def test_the_m_step_of_clusters_is_their_moments():
    x, clusters = RNG.normal(size=(30, D)), np.arange(30) % K
    _, means, scales = map(np.asarray, maximize(jnp.asarray(x, jnp.float32), jax.nn.one_hot(clusters, K)))
    for k in range(K):
        np.testing.assert_allclose(means[k], x[clusters == k].mean(0), rtol=1e-4, atol=1e-6)
        covariance = scales[k] @ scales[k].T
        np.testing.assert_allclose(covariance, np.cov(x[clusters == k].T, bias=True), rtol=1e-3, atol=1e-5)
    with pytest.raises(UsageError, match="use fewer components"):
        maximize(jnp.asarray(x, jnp.float32), jax.nn.one_hot(np.minimum(np.arange(30), 1), 2))


def test_cluster_probabilities_are_the_mean_of_bayes_rule_over_q():
    """By quadrature in one dimension, within 5 standard errors of 20,000 draws."""

    @jax.jit
    def probabilities(key):
        prior = dist.MixtureSameFamily(
            dist.Categorical(logits=jnp.array([0.0, 1.0])),
            dist.Normal(jnp.array([[-1.0], [2.0]]), jnp.array([[1.0], [0.5]])).to_event(1),
        )
        q = dist.Normal(jnp.array([0.7]), jnp.array([0.8])).to_event(1)
        return evaluate.cluster_probabilities(key, model_of(prior, q), X, num_samples=20_000)

    found = np.asarray(probabilities(jax.random.key(0)))
    z = np.linspace(-6, 8, 4001)
    joint = np.array([1, np.e])[:, None] * scipy.stats.norm(np.array([[-1.0], [2]]), np.array([[1.0], [0.5]])).pdf(z)
    first = joint[0] / joint.sum(0)
    density = scipy.stats.norm(0.7, 0.8).pdf(z) * (z[1] - z[0])
    mean = (first * density).sum()
    error = np.sqrt(((first - mean) ** 2 * density).sum() / 20_000)
    assert abs(found[0] - mean) < 5 * error
    np.testing.assert_allclose(found.sum(), 1, rtol=1e-5)


def model_of(prior, q):
    return Model(
        prior=prior, encode=lambda x: q, decode=lambda z: dist.Normal(jnp.broadcast_to(z, X.shape), 1.0).to_event(1)
    )


def test_clusters_need_a_mixture():
    model = model_of(dist.Normal(jnp.zeros(1), 1.0).to_event(1), dist.Normal(jnp.zeros(1), 1.0).to_event(1))
    with pytest.raises(UsageError, match="Independent has no components"):
        evaluate.cluster_probabilities(jax.random.key(0), model, X)


def rings(num_components):
    """Small components around two circles of radii 1 and 3, as many on each, shuffled; which circle each is on."""
    angles = np.linspace(0, 2 * np.pi, num_components // 2, endpoint=False)
    circle = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    order, ring = RNG.permutation(num_components), np.repeat([0, 1], num_components // 2)
    means = jnp.asarray(np.concatenate([circle, 3 * circle])[order], jnp.float32)
    return DiagonalNormalMixture(jnp.zeros(num_components), means, jnp.full(means.shape, -2.0)), ring[order]


def test_components_that_overlap_are_merged_into_clusters_of_any_shape():
    """Two rings, which no two normal distributions would tell apart; as many clusters as components are these."""
    mixture, ring = rings(40)
    merged = np.asarray(evaluate.clusters_of_components(jax.random.key(0), mixture, 2))
    assert evaluate.clustering_accuracy(ring, merged) == 1
    for each in (None, 40):
        np.testing.assert_array_equal(evaluate.clusters_of_components(jax.random.key(0), mixture, each), np.arange(40))
    with pytest.raises(OptionError, match="num_clusters is 41: expected at most 40, the mixture's components"):
        evaluate.clusters_of_components(jax.random.key(0), mixture, 41)
    with pytest.raises(UsageError, match="Independent has no components"):
        evaluate.clusters_of_components(jax.random.key(0), dist.Normal(jnp.zeros(1), 1.0).to_event(1), 2)


@pytest.mark.parametrize("num_clusters", [2, 3, 4])
def test_clustering_accuracy_is_the_best_of_all_matchings(num_clusters):
    """Against every assignment of distinct classes to clusters, with fewer and with more clusters than classes."""
    labels, clusters = RNG.integers(0, 3, 40), RNG.integers(0, num_clusters, 40)
    names = range(max(3, num_clusters))
    best = max(np.mean(np.array(p)[clusters] == labels) for p in itertools.permutations(names))
    assert evaluate.clustering_accuracy(labels, clusters) == pytest.approx(best)
    assert evaluate.clustering_accuracy(labels, (labels + 1) % 3) == 1


def test_clustering_accuracy_refuses_what_cannot_be_matched():
    with pytest.raises(UsageError, match="found 3 labels and 2 clusters"):
        evaluate.clustering_accuracy(np.zeros(3, int), np.zeros(2, int))
    with pytest.raises(UsageError, match="1 of 3 examples have no label"):
        evaluate.clustering_accuracy(np.array([0, 1, -1]), np.array([0, 1, 1]))


def test_a_prior_fitted_to_clusters_has_their_moments():
    """Three clusters 20 deviations apart."""
    cluster = np.arange(90) % 3
    z = RNG.normal(size=(90, 2)) + 20 * np.array([[0, 0], [1, 0], [0, 1]])[cluster]
    fitted = jax.tree.map(np.asarray, priors.fitted_normal_mixture(jnp.asarray(z, jnp.float32), 3))
    for k, mean in enumerate(fitted["mean"]):
        own = z[cluster == np.argmin([np.linalg.norm(mean - z[cluster == c].mean(0)) for c in range(3)])]
        np.testing.assert_allclose(mean, own.mean(0), atol=1e-3)
        np.testing.assert_allclose(np.exp(fitted["log_var"][k]), own.var(0), rtol=1e-3)
    np.testing.assert_allclose(np.exp(fitted["logits"]), 1 / 3, rtol=1e-3)


def test_a_prior_is_fitted_to_clusters_that_lie_aslant():
    """Two of them, side by side, four times as long as wide: k-means cuts some of each off."""
    cluster = np.arange(200) % 2
    along, across = 4 * RNG.normal(size=200), RNG.normal(size=200)
    z = np.stack([along + across, along - across], axis=1) + 5 * (2 * cluster[:, None] - 1) * np.array([1, -1])
    fitted = priors.fitted_normal_mixture(jnp.asarray(z, jnp.float32), 2)
    own = sorted(([z[cluster == c].mean(0), z[cluster == c].var(0)] for c in range(2)), key=lambda m: m[0][0])
    found = sorted(zip(fitted["mean"], np.exp(fitted["log_var"]), strict=True), key=lambda m: m[0][0])
    np.testing.assert_allclose(found, own, rtol=1e-3, atol=1e-3)
    with pytest.raises(OptionError, match='covariance is \'round\': expected "diagonal" or "full"'):
        priors.fitted_normal_mixture(jnp.asarray(z, jnp.float32), 2, covariance="round")
    free = priors.fitted_normal_mixture(jnp.asarray(z, jnp.float32), 2, covariance="full")
    p_z = priors.full_normal_mixture(2, 2).apply(free, lambda x: None)
    covariances = np.asarray(p_z.component_distribution.covariance_matrix)[np.argsort(free["mean"][:, 0])]
    order = np.argsort([z[cluster == c].mean(0)[0] for c in range(2)])
    np.testing.assert_allclose(covariances, [np.cov(z[cluster == c].T, bias=True) for c in order], rtol=2e-3, atol=1e-3)


MIXTURE_PRIOR = ["prior.name=mixture", "prior.num_components=3", "latent_dim=2"]
WARM_UP = [*(f"--config.model.{flag}" for flag in MIXTURE_PRIOR), "--config.objective.kl=sampled"]
AFTER = "--config.model.prior.fit_after"


def test_the_prior_is_fitted_to_the_latents_when_the_warm_up_ends():
    """It is then likelier than the prior before, and nothing else changes."""
    made = configured(*WARM_UP, f"{AFTER}=2", "--config.train.num_epochs=3")
    task, bind = made.task, made.task.description.bind
    start = made.init()
    assert made.before_epoch(start, 0) is start
    state = start._replace(step=jnp.array(2 * task.num_steps))
    fitted = made.before_epoch(state, 2)
    few = jax.tree.map(lambda a: a[:200], task.dataset.train)

    @jax.jit
    def log_pz(*params):
        """Of the latents of 200 images, by the priors of both."""
        z = jax.vmap(lambda one: bind(start.params).encode(one).mean)(task.examples.observe(jax.random.key(0), few))
        return [jnp.mean(jax.vmap(bind(p).prior.log_prob)(z)) for p in params]

    before, after = log_pz(start.params, fitted.params)
    assert after > before + 0.1
    for part in ("encoder", "decoder"):
        jax.tree.map(np.testing.assert_array_equal, fitted.params[part], start.params[part])
    assert jax.tree.structure(fitted) == jax.tree.structure(state)


M2 = ["--config.model.name=m2", "--config.objective.name=semi_supervised", "--config.data.num_labels=20"]


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ([*WARM_UP, "--config.train.num_epochs=2"], "fit_after is 2 with train.num_epochs 2: expected an epoch before"),
        (["--config.train.num_epochs=3"], "section that is not set: set --config.model.prior.name first"),
        (["--config.model.prior.name=standard"], "prior 'standard' has no fit_after, which is of mixture: set"),
        ([*WARM_UP[:-1], *M2, "--config.train.num_epochs=3"], "fit_after is 2: expected none with model.name 'm2'"),
        ([*WARM_UP, f"{AFTER}=0"], "model.prior.fit_after is 0: expected a whole number of at least 1"),
    ],
)
def test_a_fit_that_cannot_be_is_refused(flags, message):
    with pytest.raises(UsageError, match=message):
        configured(f"{AFTER}=2", *flags)


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (WARM_UP, "evaluate.num_clusters is 5: expected at most 3, the prior's num_components"),
        ([], "evaluate.num_clusters is 5: expected none where no clusters are reported; set --config.model.prior.name"),
    ],
)
def test_clusters_that_no_components_make_are_refused_before_training(flags, message):
    with pytest.raises(UsageError, match=message):
        configured("--config.evaluate.num_clusters=5", *flags)


def test_more_components_than_images_to_fit_them_to():
    with pytest.raises(UsageError, match=r"num_components is 1600, .* latents of 1518 training images"):
        configured(*WARM_UP, "--config.model.prior.num_components=1600", "--config.train.num_epochs=3", f"{AFTER}=1")


def test_a_component_says_nothing_of_the_noise():
    """Each draw alone, by a key of its own; within 5 standard errors of 2,000."""
    mean = jnp.array([[-9.0, 0.0], [9.0, 0.0]])
    q = DiagonalNormalMixture(jnp.zeros(2), mean, jnp.zeros((2, 2)))
    z = jax.jit(jax.vmap(q.sample))(jax.random.split(jax.random.key(0), 4000))
    for k, own in enumerate((z[:, 0] < 0, z[:, 0] > 0)):
        np.testing.assert_allclose(z[own].mean(axis=0), mean[k], atol=0.12)


def test_the_scale_of_a_component_has_bounds():
    free = {"logits": jnp.zeros(1), "mean": jnp.zeros((1, 2)), "scale": jnp.array([[0.0, -500.0, 500.0]])}
    low, high = np.diagonal(constrain(free).scale_tril[0])
    np.testing.assert_allclose(np.log([low, high]), [-20, 20], atol=1)


def test_a_fit_starts_as_the_seed_says():
    z = jnp.asarray(np.random.default_rng(0).uniform(size=(200, 2)), jnp.float32)
    one, again, other = (fitted_normal_mixture(z, 7, seed=seed)["mean"] for seed in (0, 0, 1))
    np.testing.assert_array_equal(one, again)
    assert not np.allclose(np.sort(one, axis=0), np.sort(other, axis=0), atol=1e-3)


def test_draws_of_an_equal_mixture_carry_the_gradient_to_its_components():
    """d E[z^2] / d mean_k = 2 mean_k / K, within 5 standard errors: an objective that wants it takes a VampPrior so."""
    made = lambda mean: uniform_mixture(jax.vmap(lambda m: dist.Normal(m, 0.5).to_event(1))(mean))
    means, num = jnp.array([[-1.0], [0.5], [2.0]]), 20_000
    assert abilities.has_gradient(made(means))
    assert not abilities.has_gradient(DiagonalNormalMixture(jnp.zeros(3), means, jnp.zeros((3, 1))))
    square = lambda mean, key: jnp.sum(made(mean).sample(key) ** 2)
    slopes = jax.jit(jax.vmap(jax.grad(square), (None, 0)))(means, jax.random.split(jax.random.key(0), num))
    slopes = np.asarray(slopes, np.float64)
    assert (np.abs(slopes.mean(0) - 2 * means / 3) < 5 * slopes.std(0) / num**0.5).all()
