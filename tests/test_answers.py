"""What a model answers about one example, against exact answers; and many examples, a chunk at a time."""

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import pytest
import scipy.integrate
import scipy.stats

from tests.models import W, linear_gaussian, log_px
from vaex import Model, evaluate
from vaex.distributions import DiagonalNormalMixture, OneHotCategorical
from vaex.distributions.chain import Chain, Link
from vaex.distributions.flows.flow import Flow, chain
from vaex.distributions.labelled import Labelled
from vaex.distributions.temperature import tempered
from vaex.errors import OptionError, UsageError
from vaex.objectives import sample_weights

KEY = jax.random.key(0)
X = jnp.asarray([0.5, -1.0, 0.2, 0.0, 1.5])
NORMAL = Model(
    prior=dist.Normal(jnp.array([1.0, -2.0]), jnp.array([0.5, 3.0])).to_event(1),
    encode=lambda x: dist.Normal(x[:2], jnp.exp(x[:2])).to_event(1),
    decode=lambda z: dist.Normal(W @ z, 1.0).to_event(1),
)


def test_the_standard_error_is_that_of_many_estimates_and_the_bias_half_its_square():
    """Of 8,000 estimates, within 5 standard errors; and one of them from its weights in float64."""
    model, num, k = linear_gaussian(shift=0.2, stretch=1.5), 8_000, 50

    @jax.jit
    def estimates(keys):
        one = lambda key: evaluate.estimate_log_likelihood(key, model, X, num_samples=k, chunk_size=30)
        chunks = [sample_weights(jax.random.fold_in(keys[0], i), model, X, model.encode(X), 30).log_w for i in range(2)]
        return jax.vmap(one)(keys), jnp.concatenate(chunks)[:k]  # of the second chunk 20 are wanted

    (values, errors), log_w = jax.tree.map(lambda a: np.asarray(a, np.float64), estimates(jax.random.split(KEY, num)))
    w = np.exp(log_w)
    np.testing.assert_allclose(values[0], np.log(w.mean()), rtol=1e-5)
    np.testing.assert_allclose(errors[0], w.std(ddof=1) / np.sqrt(k) / w.mean(), rtol=1e-4)
    spread, bias = values.std(ddof=1), values.mean() - log_px(X)
    assert abs(np.sqrt(np.mean(errors**2)) / spread - 1) < 5 / np.sqrt(2 * num) + 1 / k  # of the next order in 1/K
    assert bias < -5 * spread / np.sqrt(num)
    assert abs(bias + np.mean(errors**2) / 2) < 5 * spread / np.sqrt(num)


def test_moments_are_those_of_q_where_they_are_known():
    x = X
    mean, variance = evaluate.moments(KEY, NORMAL, x)
    np.testing.assert_allclose(mean, x[:2])
    np.testing.assert_allclose(variance, np.exp(2 * x[:2]), rtol=1e-6)
    model = linear_gaussian()
    cov = np.linalg.inv(np.eye(2) + np.asarray(W).T @ np.asarray(W) / 0.36)
    np.testing.assert_allclose(evaluate.moments(KEY, model, x).variance, np.diag(cov), rtol=1e-4)
    p = np.array([0.2, 0.3, 0.5], np.float32)
    one_hot = Model(
        OneHotCategorical(jnp.zeros(3)), lambda x: OneHotCategorical(jnp.log(p)), lambda z: NORMAL.decode(z[:2])
    )
    np.testing.assert_allclose(evaluate.moments(KEY, one_hot, x).variance, p * (1 - p), rtol=1e-5)


def test_moments_on_a_circle_are_of_draws_and_not_of_directions():
    """By quadrature, within 5 standard errors of as many draws."""
    q = dist.VonMises(jnp.array([3.0]), 2.0).to_event(1)
    found = evaluate.moments(KEY, Model(q, lambda x: q, lambda z: dist.Normal(z, 1.0).to_event(1)), jnp.zeros(1))
    moment = lambda k: scipy.integrate.quad(lambda z: z**k * scipy.stats.vonmises(2, 3).pdf(z), -np.pi, np.pi)[0]
    mean, square, fourth = moment(1), moment(2), moment(4)
    assert abs(found.mean[0] - mean) < 5 * ((square - mean**2) / 100) ** 0.5
    assert abs(found.variance[0] - (square - mean**2)) < 5 * ((fourth - square**2) / 100) ** 0.5 < 3


def test_moments_of_a_flow_are_of_draws():
    """Of 100 of a normal distribution in a flow's clothes: within 5 standard errors."""
    flow = NORMAL._replace(encode=lambda x: Flow(NORMAL.encode(x), (), jnp.zeros(0), chain(())))
    mean, variance = jax.jit(lambda: evaluate.moments(KEY, flow, X))()
    exact = np.exp(2 * np.asarray(X[:2]))
    assert (abs(mean - X[:2]) < 5 * np.sqrt(exact / 100)).all()
    assert (abs(variance / exact - 1) < 5 * np.sqrt(2 / 99)).all()


def test_a_path_ends_at_the_reconstructions_and_is_straight_in_z():
    other = X[::-1]

    @jax.jit
    def answers():
        path = evaluate.interpolation(KEY, NORMAL, (X, other), steps=5)
        return path, evaluate.reconstruction(KEY, NORMAL, X), evaluate.reconstruction(KEY, NORMAL, other)

    path, start, end = answers()
    np.testing.assert_allclose(path, start + np.linspace(0, 1, 5)[:, None] * (end - start), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(start, W @ X[:2], rtol=1e-4)


def test_a_temperature_scales_the_deviation_of_z():
    hot, cold, zero = (evaluate.draw(KEY, NORMAL, temperature=t) for t in (1.0, 0.5, 0.0))
    mean = np.array([1.0, -2.0])
    np.testing.assert_allclose(cold.z - mean, 0.5 * (hot.z - mean), rtol=1e-5)
    np.testing.assert_allclose(zero.z, mean)
    np.testing.assert_allclose(cold.mean, W @ cold.z, rtol=1e-5)
    assert np.abs(cold.x - cold.mean).min() > 0


def test_a_temperature_of_layers_of_components_and_of_a_style():
    """The same noise, T times as wide: below what is drawn above, about a component's mean, beside a label."""
    two = lambda mean: dist.Normal(mean, jnp.array([0.5, 2.0])).to_event(1)
    layers = Chain((Link(lambda p, s: two(s)), Link(lambda p, s: two(s**2))), ((), ()), jnp.ones(2), top_down=True)
    (low, high), (low_t, high_t) = layers.sample(KEY), tempered(layers, 0.5).sample(KEY)
    np.testing.assert_allclose(high_t - 1, 0.5 * (high - 1), rtol=1e-5)
    np.testing.assert_allclose(low_t - high_t**2, 0.5 * (low - high**2), rtol=1e-4)
    means = jnp.array([[0.0, 5.0], [10.0, -5.0]])
    mixture = DiagonalNormalMixture(jnp.zeros(2), means, jnp.log(jnp.array([[1.0, 2.0], [3.0, 4.0]])))
    drawn, cold, zero = (np.asarray(p.sample(KEY)) for p in (mixture, tempered(mixture, 0.5), tempered(mixture, 0.0)))
    assert zero.tolist() in means.tolist()
    np.testing.assert_allclose(cold - zero, 0.5 * (drawn - zero), rtol=1e-5)
    tril = jnp.array([[[1.0, 0.0], [2.0, 3.0]], [[2.0, 0.0], [-1.0, 0.5]]])
    full = dist.MixtureSameFamily(dist.Categorical(jnp.full(2, 0.5)), dist.MultivariateNormal(means, scale_tril=tril))
    drawn, cold, zero = (np.asarray(p.sample(KEY)) for p in (full, tempered(full, 0.5), tempered(full, 0.0)))
    assert zero.tolist() in means.tolist()
    np.testing.assert_allclose(cold - zero, 0.5 * (drawn - zero), rtol=1e-5)
    labelled = Labelled(OneHotCategorical(jnp.zeros(2)), jax.vmap(two)(means))
    drawn, cold = (p.sample(KEY) for p in (labelled, tempered(labelled, 0.5)))
    np.testing.assert_array_equal(cold.y, drawn.y)
    np.testing.assert_allclose(cold.z - cold.y @ means, 0.5 * (drawn.z - drawn.y @ means), rtol=1e-4)
    assert tempered(Chain((Link(lambda p, s: OneHotCategorical(s)),), ((),), jnp.ones(2), top_down=True), 0.5) is None


def test_what_cannot_be_asked():
    with pytest.raises(OptionError, match=r"temperature is 0.7: expected 1 where p\(z\) has no deviation to multiply"):
        evaluate.draw(KEY, NORMAL._replace(prior=OneHotCategorical(jnp.zeros(2))), temperature=0.7)
    with pytest.raises(OptionError, match=r"temperature is -1\.0: expected a finite number of at least 0"):
        evaluate.draw(KEY, NORMAL, temperature=-1.0)
    with pytest.raises(OptionError, match="steps is 1"):
        evaluate.interpolation(KEY, NORMAL, (X, X), steps=1)
    one_hot = Model(OneHotCategorical(jnp.zeros(2)), lambda x: OneHotCategorical(x[:2]), NORMAL.decode)
    with pytest.raises(UsageError, match=r"z is discrete .*, and nothing lies between two of its values"):
        jax.eval_shape(lambda: evaluate.interpolation(KEY, one_hot, (X, X), steps=3))


def test_chunks_change_nothing_and_are_compiled_once():
    """Of 7 examples in chunks of 3, of 3 in one, and of 100: each with fold_in(key, i)."""
    traced = []

    def answer(key, x, scale):
        traced.append(x.shape)
        return scale * x + jax.random.normal(key, x.shape)

    program = evaluate.compiled(answer)
    xs = np.arange(14.0, dtype=np.float32).reshape(7, 2)
    few, many = (evaluate.in_chunks(program, KEY, xs, 2.0, chunk_size=size) for size in (3, 100))
    np.testing.assert_allclose(few, many, rtol=1e-6)
    np.testing.assert_array_equal(evaluate.in_chunks(program, KEY, xs[:2], 2.0, chunk_size=3), few[:2])
    np.testing.assert_allclose(few[6], 2 * xs[6] + jax.random.normal(jax.random.fold_in(KEY, 6), 2), rtol=1e-6)
    assert len(traced) == 2  # for chunks of 3 and of 100
    with pytest.raises(OptionError, match="chunk_size is 0"):
        evaluate.in_chunks(program, KEY, xs, 2.0, chunk_size=0)
