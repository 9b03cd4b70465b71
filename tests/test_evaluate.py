"""Evaluation against exact answers, and the streaming bound against the plain one."""

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import pytest
import scipy.stats

from tests.models import linear_gaussian, log_px, small_vae
from vaex import bounds, evaluate, objectives
from vaex.objectives import log_weights

X = jax.random.normal(jax.random.key(3), (5,))
MODEL = linear_gaussian(shift=0.3, stretch=1.7)


@pytest.mark.parametrize(("num_samples", "chunk_size"), [(60, 20), (60, 60), (50, 20), (7, 100), (1, 1)])
def test_streaming_equals_the_plain_bound(num_samples, chunk_size):
    """From the same draws: chunk c draws from fold_in(key, c), and the last chunk is cut."""
    size = min(chunk_size, num_samples)

    @jax.jit
    def compute(key):
        q = MODEL.encode(X)
        chunks = [q.sample(jax.random.fold_in(key, c), (size,)) for c in range(-(-num_samples // size))]
        log_w = log_weights(MODEL, X, q, jnp.concatenate(chunks)[:num_samples]).log_w
        streamed = evaluate.log_likelihood(key, MODEL, X, num_samples=num_samples, chunk_size=chunk_size)
        return streamed, bounds.iwae(log_w)

    np.testing.assert_allclose(*compute(jax.random.key(7)), rtol=1e-5)


def test_many_samples_reach_log_px():
    """With K = 100,000 the bound's gap is far below its noise: 5 standard errors of the mean of 20 runs."""
    run = jax.vmap(lambda k: evaluate.log_likelihood(k, MODEL, X, num_samples=100_000, chunk_size=1000))
    runs = np.asarray(jax.jit(run)(jax.random.split(jax.random.key(0), 20)))
    assert abs(runs.mean() - log_px(X)) < 5 * runs.std(ddof=1) / np.sqrt(20) + 1e-4


def test_memory_does_not_grow_with_the_samples():
    def temporary_bytes(num_samples):
        f = lambda k: evaluate.log_likelihood(k, MODEL, X, num_samples=num_samples, chunk_size=500)
        return jax.jit(f).lower(jax.random.key(0)).compile().memory_analysis().temp_size_in_bytes

    # Besides the chunk there are only three numbers of each chunk.
    assert temporary_bytes(100_000) < temporary_bytes(5_000) + 12 * 200


def test_no_samples_are_refused():
    with pytest.raises(ValueError, match="num_samples is 0"):
        evaluate.log_likelihood(jax.random.key(0), MODEL, X, num_samples=0)


def test_elbo_takes_the_closed_form_where_there_is_one():
    vae = small_vae()
    model = vae.bind(jax.jit(vae.init)(jax.random.key(0)))
    assert jax.eval_shape(lambda x: objectives.closed_form_kl(model.encode(x), model.prior), jnp.zeros(6)) is not None
    mixture = dist.MixtureSameFamily(dist.Categorical(jnp.ones(2) / 2), dist.Normal(jnp.zeros((2, 2)), 1.0).to_event(1))
    assert jax.eval_shape(lambda x: objectives.closed_form_kl(model.encode(x), mixture), jnp.zeros(6)) is None
    elbo = lambda key: evaluate.elbo(key, model._replace(prior=mixture), jnp.zeros(6), num_samples=3).elbo
    assert np.isfinite(jax.jit(elbo)(jax.random.key(0)))


def test_active_units_by_iwaes_definition():
    """Variances of the posterior mean just below and just above 1e-2."""
    unit = np.array([1.0, -1.0] * 50)  # variance 1
    means = jnp.asarray(np.stack([unit * np.sqrt(0.0099), unit * np.sqrt(0.0101), 0 * unit + 5], axis=1))
    np.testing.assert_array_equal(evaluate.active_units(means), [False, True, False])


def test_effective_sample_size_in_its_limits():
    """Equal weights are worth K draws, one that outweighs all others one; (1 + 1/2)^2 / (1 + 1/4) by hand."""
    for log_w, expected in [([-300.0] * 7, 7), ([0.0, -100.0, -100.0], 1), ([0.0, np.log(0.5)], 1.8)]:
        found = jax.jit(evaluate.effective_sample_size)(np.array(log_w, np.float32))
        np.testing.assert_allclose(found, expected, rtol=1e-4)


def test_mutual_information_in_its_limits():
    """Posteriors far apart tell which of M examples it is, log M nats; equal ones tell nothing."""
    batch = jnp.arange(8.0)[:, None]

    @jax.jit
    def compute(key, scale):
        encode, decode = (lambda x, by=by: dist.Normal(by * x, 1.0).to_event(1) for by in (scale, 1.0))
        model = MODEL._replace(encode=encode, decode=decode)
        return evaluate.mutual_information(key, model, batch)

    for scale, expected in [(100.0, np.log(8)), (0.0, 0.0)]:
        np.testing.assert_allclose(compute(jax.random.key(0), scale), expected, atol=1e-5)


def test_kl_per_dimension_sums_to_the_kl():
    @jax.jit
    def compute(loc, scale):
        q, p = dist.Normal(loc, scale).to_event(1), dist.Normal(jnp.zeros(2), jnp.ones(2)).to_event(1)
        return evaluate.kl_per_dimension(q, p), dist.kl_divergence(q, p)

    parts, whole = compute(jnp.array([0.3, -2.0]), jnp.array([0.5, 1.5]))
    np.testing.assert_allclose(parts.sum(), whole, rtol=1e-6)
    np.testing.assert_allclose(parts[0], (0.25 + 0.09 - 1 - np.log(0.25)) / 2, rtol=1e-6)
    assert evaluate.kl_per_dimension(MODEL.encode(X), MODEL.prior) is None


def test_posterior_mean_from_draws_where_there_is_no_closed_form():
    class NoMean(dist.Normal):
        mean = property(lambda self: (_ for _ in ()).throw(NotImplementedError))

    drawn = evaluate.posterior_mean(jax.random.key(0), NoMean(2.0, 1.0), num_samples=10_000)
    assert abs(drawn - 2.0) < 5 / np.sqrt(10_000)  # 5 standard errors
    assert evaluate.posterior_mean(jax.random.key(0), dist.Normal(2.0, 1.0)) == 2.0


def test_bits_per_dim_of_a_uniform_density_is_eight():
    """A uniform density on [0, 1]^D has log p = 0: 8 bits for each of the pixels' 256 levels."""
    assert evaluate.bits_per_dim(jnp.array(0.0), num_dims=10, dequantized=True) == 8
    np.testing.assert_allclose(evaluate.bits_per_dim(jnp.array(-20 * np.log(2)), num_dims=10, dequantized=False), 2)


def test_bits_per_dim_of_dequantized_pixels_bounds_the_discrete_entropy():
    """Pixels uniform over 4 of 256 levels, under the density that is flat over those four bins: exactly 2 bits."""
    from vaex.data.preprocess import dequantize

    images = jnp.asarray(np.random.default_rng(0).integers(0, 4, (50, 4, 4, 1)), jnp.uint8)
    x = np.asarray(dequantize(jax.random.key(0), images))
    log_px = scipy.stats.uniform(0, 4 / 256).logpdf(x).reshape(50, -1).sum(-1)
    np.testing.assert_allclose(
        evaluate.bits_per_dim(jnp.asarray(log_px), num_dims=16, dequantized=True), 2.0, rtol=1e-6
    )


@pytest.mark.parametrize("batch_size", [1, 3, 7, 100])
def test_map_examples_gives_each_example_its_own_key(batch_size):
    x = jnp.arange(7.0)
    f = lambda key, one: one + jax.random.normal(key)
    keys = jax.vmap(lambda i: jax.random.fold_in(jax.random.key(1), i))(jnp.arange(7))
    expected = jax.vmap(f)(keys, x)
    np.testing.assert_allclose(
        evaluate.map_examples(f, jax.random.key(1), x, batch_size=batch_size), expected, rtol=1e-6
    )
