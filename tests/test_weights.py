"""Full variational Bayes: weights with a distribution, on Bayesian linear regression, whose evidence is known."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import optax
import pytest
import scipy.stats
from jax.flatten_util import ravel_pytree

from experiments.studies import fullvb
from tests.one_step import QUICK
from vaex import Model, evaluate
from vaex.config import override
from vaex.config.task import describe_run
from vaex.errors import UsageError
from vaex.model import Weighed
from vaex.models.weights import MeanField, draw_weights, mean_field, predictive, weights_kl
from vaex.objectives import Terms, batch_loss
from vaex.runs.experiments import load_experiment
from vaex.train import Recipe, init_state, train_epoch

N, D, NOISE, SIGMA = 40, 3, 0.5, 0.8  # y ~ N(X theta, NOISE^2), theta ~ N(0, SIGMA^2 I)
RNG = np.random.default_rng(0)
X = RNG.normal(size=(N, D)) @ np.array([[1.0, 0.6, 0.0], [0.0, 1.0, 0.3], [0.0, 0.0, 1.0]])
Y = X @ np.array([0.5, -1.0, 0.3]) + NOISE * RNG.normal(size=N)
PRECISION = X.T @ X / NOISE**2 + np.eye(D) / SIGMA**2
POSTERIOR = scipy.stats.multivariate_normal(np.linalg.solve(PRECISION, X.T @ Y) / NOISE**2, np.linalg.inv(PRECISION))
EVIDENCE = scipy.stats.multivariate_normal(np.zeros(N), SIGMA**2 * X @ X.T + NOISE**2 * np.eye(N)).logpdf(Y)
DEVIATION = np.diag(PRECISION) ** -0.5  # of the best q: its mean is the posterior's, its variances too small
DATA = jnp.asarray(np.concatenate([X, Y[:, None]], axis=1), jnp.float32)


def log_likelihood(theta):
    """Of all rows, for theta as the entries of a pytree."""
    return dist.Normal(DATA[:, :D] @ ravel_pytree(theta)[0], NOISE).log_prob(DATA[:, D]).sum()


def as_tree(vector):
    return {"a": jnp.asarray(vector[:1], jnp.float32), "b": jnp.asarray(vector[1:, None], jnp.float32)}


BEST = MeanField(as_tree(POSTERIOR.mean), jnp.asarray(np.log(DEVIATION), jnp.float32))


def test_at_the_known_best_q_the_bound_is_the_evidence_less_the_kl_and_its_gradient_zero():
    """Within 5 standard errors of 4,000 draws; of a q that is off, neither."""

    def elbo(q, key):
        return log_likelihood(draw_weights(key, q)) - weights_kl(q, sigma=SIGMA)

    def measure(key):
        keys = jax.random.split(key, 4000)
        off = BEST._replace(log_sigma=BEST.log_sigma + 0.3)
        both = lambda q: jax.vmap(lambda k: jax.value_and_grad(elbo)(q, k))(keys)
        flat = lambda g: jnp.concatenate([g.mean["a"], g.mean["b"][..., 0], g.log_sigma], axis=1)
        return [(value, flat(g)) for value, g in map(both, (BEST, off))]

    (value, g), (_, wrong) = jax.jit(measure, compiler_options=QUICK)(jax.random.key(0))
    kl = 0.5 * (np.linalg.slogdet(POSTERIOR.cov)[1] - np.log(DEVIATION**2).sum())  # of q from the exact posterior
    assert kl > 0.05
    assert abs(value.mean() - (EVIDENCE - kl)) < 5 * value.std() / 4000**0.5
    error = lambda g: 5 * g.std(axis=0) / 4000**0.5
    assert (np.abs(g.mean(axis=0)) < error(g)).all()
    assert (np.abs(wrong.mean(axis=0))[D:] > error(wrong)[D:]).all()


def test_training_ends_at_the_known_best_q():
    """By train_epoch, with one draw of the weights for a batch and the N-th part of the KL for an example."""
    likelihood = lambda key, theta, row: dist.Normal(row[:D] @ ravel_pytree(theta)[0], NOISE).log_prob(row[D])
    objective = lambda key, theta, row: Terms(*[likelihood(key, theta, row)] * 3, jnp.zeros(()))
    recipe = Recipe(
        bind=lambda theta: Model(theta, None, None),
        batch_loss=batch_loss(lambda key, model, row: objective(key, model.prior, row)),
        optimizer=optax.adam(optax.cosine_decay_schedule(0.03, 3000)),
        preprocess=lambda key, rows: rows,
        penalty=lambda params: weights_kl(MeanField(*params), sigma=SIGMA) / N,
        draw=lambda key, params: draw_weights(key, MeanField(*params)),
    )
    epoch = functools.partial(train_epoch, recipe=recipe, batch_size=N)

    def run(key):
        state = init_state(tuple(mean_field(as_tree(np.zeros(D)), sigma=0.1)), recipe.optimizer)
        return jax.lax.scan(lambda s, _: (epoch(s, key, DATA)[0], None), state, length=3000)[0].params

    mean, log_sigma = jax.jit(run, compiler_options=QUICK)(jax.random.key(0))
    np.testing.assert_allclose(ravel_pytree(mean)[0], POSTERIOR.mean, atol=0.02)
    np.testing.assert_allclose(np.exp(log_sigma), DEVIATION, rtol=0.1)


def test_the_predictive_averages_probabilities_over_weights():
    """Of z ~ N(0, 1), y ~ N(z + x theta, NOISE^2): against the mean of exact densities over the same draws."""
    prior = dist.Normal(jnp.zeros(1), 1.0).to_event(1)
    x = jnp.array([1.0, 0.5, -1.0])

    def models(theta):
        return Model(prior, lambda y: prior, lambda z: dist.Normal(z + x @ ravel_pytree(theta)[0], NOISE).to_event(1))

    def measure(key):
        draws = jax.vmap(lambda k: draw_weights(k, BEST))(jax.random.split(key, 7))
        model = predictive(models, draws)
        y = jnp.array([0.4])
        found = evaluate.log_likelihood(key, model, y, num_samples=20_000, chunk_size=20_000)
        return found, draws, model.decode(jnp.ones(1)).mean

    found, draws, mean = jax.jit(measure, compiler_options=QUICK)(jax.random.key(1))
    thetas = np.concatenate([draws["a"], draws["b"][..., 0]], axis=1)
    densities = scipy.stats.norm(thetas @ np.asarray(x), np.sqrt(1 + NOISE**2)).pdf(0.4)
    np.testing.assert_allclose(found, np.log(densities.mean()), atol=0.02)
    np.testing.assert_allclose(mean, [1 + (thetas @ np.asarray(x)).mean()], rtol=1e-5)


def test_the_kl_is_numpyros():
    q = MeanField(as_tree(np.array([0.3, -2.0, 1.0])), jnp.array([-3.0, 0.0, 0.7]))
    normal = dist.Normal(jnp.array([0.3, -2.0, 1.0]), jnp.exp(q.log_sigma))
    expected = dist.kl_divergence(normal, dist.Normal(0.0, 1.5)).sum()
    np.testing.assert_allclose(weights_kl(q, sigma=1.5), expected, rtol=1e-6)


@pytest.mark.parametrize("call", [lambda: mean_field(jnp.zeros(2), sigma=0.0), lambda: weights_kl(BEST, sigma=-1.0)])
def test_a_deviation_is_above_zero(call):
    with pytest.raises(UsageError, match=r"sigma is -?[01]\.0: expected a number above 0"):
        call()


def test_the_study_measures_every_so_many_epochs():
    flags = ["--config.train.num_epochs=4", "--config.train.eval_every=2", "--config.model.latent_dim=2"]
    found = fullvb.measure([*fullvb.WAYS["full variational Bayes"], *flags], experiment="digits")
    np.testing.assert_array_equal(found.epochs, [2, 4])
    assert found.train[1] > found.train[0]
    assert found.test[1] > found.test[0]


def test_the_weights_that_are_drawn_are_the_same_whatever_the_seed_of_the_run():
    """So that a member of a sweep is measured as its own run is."""
    draws = []
    for seed in (0, 1):
        config = override(load_experiment("digits"), [f"--config.seed={seed}", "--config.train.weights=variational"])
        made = describe_run(config, (8, 8, 1), 10)
        if not draws:
            params = made.init(jax.random.key(0))
        draws.append(np.asarray(jax.jit(lambda p, made=made: made.bind(p).decode(jnp.ones(8)).mean)(params)))
    np.testing.assert_array_equal(*draws)


def test_a_model_that_weighs_by_itself_is_averaged_over_its_weights_too():
    """p(x) is half N(0, 1) and half N(0, 26); within 5 standard errors of 20,000 draws."""
    normal = dist.Normal(jnp.zeros(1), 1.0).to_event(1)

    def model(w):
        decode = lambda z: dist.Normal(w * z, 1.0).to_event(1)

        def weigh(key, q):
            z = q.sample(key)
            return Weighed(decode(z), normal.log_prob(z), q.log_prob(z))

        return Model(normal, lambda x: normal, decode, weigh)

    expected = np.logaddexp(*(scipy.stats.norm(0, scale).logpdf(2.0) for scale in (1, 26**0.5))) - np.log(2)
    score = lambda key: evaluate.log_likelihood(
        key, predictive(model, jnp.array([0.0, 5.0])), jnp.array([2.0]), num_samples=20_000, chunk_size=20_000
    )
    np.testing.assert_allclose(jax.jit(score)(jax.random.key(0)), expected, atol=0.05)
