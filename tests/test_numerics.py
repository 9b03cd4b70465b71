"""The edges of floating point: weights of zero, classes ruled out, low precision, squares that cancel."""

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import pytest
import scipy.special
import scipy.stats

from tests.one_step import QUICK
from vaex import Model, bounds, evaluate, losses, objectives
from vaex.distributions import (
    CategoricalLevels,
    ContinuousBernoulli,
    DiagonalNormalMixture,
    DiscretizedLogistic,
    OneHotCategorical,
)
from vaex.distributions.codes import nearest
from vaex.distributions.counts import Poisson
from vaex.distributions.flows.flow import Flow
from vaex.distributions.flows.planar import planar
from vaex.losses.arithmetic import logsumexp, times
from vaex.models import exact

pytestmark = pytest.mark.exact

RNG = np.random.default_rng(0)
INF = jnp.inf


class Cut(dist.Distribution):
    """log p(x) = -theta where z allows x, else -inf."""

    pytree_data_fields = ("theta", "inside")

    def __init__(self, theta, inside):
        self.theta, self.inside = theta, inside
        super().__init__((), ())

    def sample(self, key, sample_shape=()):
        return jnp.zeros(sample_shape)

    def log_prob(self, value, intermediates=None):
        return jnp.where(self.inside, -self.theta, -jnp.inf)


def cut(params, reach):
    return Model(
        dist.Normal(jnp.zeros(1), 1.0).to_event(1),
        lambda x: dist.Normal(params[1][None], 1.0).to_event(1),
        lambda z: Cut(params[0], jnp.abs(z[0]) < reach),
    )


OF_ZEROS = {
    "iwae": (objectives.iwae, {"num_samples": 8}),
    "piwae": (objectives.piwae, {"num_samples": 8, "num_groups": 1}),
    "dreg": (objectives.dreg, {"num_samples": 8}),
    "vimco": (objectives.vimco, {"num_samples": 8}),
    "ciwae": (objectives.ciwae, {"num_samples": 8, "beta": 0.0}),
    "renyi": (objectives.renyi, {"num_samples": 8, "alpha": 0.0}),
    "elbo": (objectives.elbo, {"num_samples": 8}),
    "stl": (objectives.stl, {"num_samples": 8}),
    "reinforce": (objectives.reinforce, {"num_samples": 8}),
    "tvo": (objectives.tvo, {"num_samples": 8}),
    "wake_sleep": (objectives.wake_sleep, {"num_samples": 8}),
    "reweighted_wake_sleep": (objectives.reweighted_wake_sleep, {"num_samples": 8}),
}


@pytest.fixture(scope="module")
def of_zeros():
    """Value and gradient of each objective where some draws, and where all, have a weight of zero."""
    compute = lambda reach: {
        name: jax.value_and_grad(lambda p, f=f, o=options: f(jax.random.key(1), cut(p, reach), 0.5, **o).objective)(
            jnp.array([0.3, 0.2])
        )
        for name, (f, options) in OF_ZEROS.items()
    }
    return jax.jit(lambda: jax.vmap(compute)(jnp.array([1.0, 0.0])), compiler_options=QUICK)()


@pytest.mark.parametrize("name", OF_ZEROS)
def test_weights_of_zero(name, of_zeros):
    """Where some are zero, importance-weighted bounds are log 1/K sum_k w_k, and averages of log w are -inf."""
    (value, none), (gradient, still) = of_zeros[name]
    log_w = LOG_W_OF_CUT
    tight = name not in ("elbo", "stl", "reinforce", "tvo", "wake_sleep")
    np.testing.assert_allclose(value, scipy.special.logsumexp(log_w) - np.log(8) if tight else -np.inf, rtol=1e-5)
    if tight:
        np.testing.assert_allclose(gradient[0], -1.0, rtol=1e-5)
    assert none == -np.inf
    assert np.isfinite([*gradient, *still]).all()


def _log_w_of_cut():
    z = np.asarray(dist.Normal(jnp.array([0.2]), 1.0).to_event(1).sample(jax.random.key(1), (8,)), np.float64)[:, 0]
    assert 0 < (np.abs(z) >= 1).sum() < 8
    log_w = -0.3 + scipy.stats.norm.logpdf(z) - scipy.stats.norm.logpdf(z, 0.2)
    return np.where(np.abs(z) < 1, log_w, -np.inf)


LOG_W_OF_CUT = _log_w_of_cut()


def test_vimcos_baseline_is_the_mean_of_the_others_that_are_not_zero():
    """d/d phi by hand: sum_k (L - L^(-k)) d log q_k + d L, over draws that stay where they are."""
    q = lambda phi: dist.Normal(phi, 1.0)
    z = np.asarray(q(jnp.full(1, 0.2)).to_event(1).sample(jax.random.key(1), (8,)), np.float64)[:, 0]
    total = scipy.special.logsumexp(LOG_W_OF_CUT)
    signal = np.zeros(8)
    for k in range(8):
        others = np.delete(LOG_W_OF_CUT, k)
        baseline = others[np.isfinite(others)].mean()
        signal[k] = total - scipy.special.logsumexp([*others, baseline])
    expected = np.sum((signal - scipy.special.softmax(LOG_W_OF_CUT)) * (z - 0.2))
    model = lambda phi: cut(jnp.array([0.3, 0.0]), 1.0)._replace(encode=lambda x: q(phi[None]).to_event(1))
    f = lambda phi: objectives.vimco(jax.random.key(1), model(phi), 0.5, num_samples=8).objective
    np.testing.assert_allclose(jax.jit(jax.grad(f))(jnp.array(0.2)), expected, rtol=1e-4)


def test_zero_times_an_infinite_logarithm_is_zero_with_its_gradients():
    weights, logs = jnp.array([0.0, 0.0, 0.5, 0.5]), jnp.array([-INF, 2.0, -3.0, -INF])
    f = jax.jit(lambda w, v: (times(w, v), *jax.grad(lambda w, v: times(w, v).sum(), argnums=(0, 1))(w[:3], v[:3])))
    found, by_weight, by_log = f(weights, logs)
    np.testing.assert_array_equal(found, [0, 0, -1.5, -np.inf])
    np.testing.assert_array_equal(by_weight, [0, 2, -3])
    np.testing.assert_array_equal(by_log, [0, 0, 0.5])
    assert losses.negative_elbo(jnp.ones(1), jnp.full(1, INF), beta=0.0) == 1
    assert logsumexp(jnp.full(3, -INF)) == -INF


def test_classes_that_are_ruled_out():
    """Log p, KL, enumeration and the exact bounds of three classes of which one has no chance, and their gradients."""
    free = jnp.array([0.3, -0.4])
    masked = lambda free: jnp.append(free, -INF)

    def everything(free):
        q, p = OneHotCategorical(masked(free)), OneHotCategorical(jnp.zeros(3))
        allowed = lambda z: dist.Normal(jnp.where(z[2] == 1, INF, z[0]), 1.0)  # log p(x|z) = -inf in the last class
        table = {"encoder": masked(free)[None], "decoder": exact.DiscreteTable(masked(-free), jnp.ones((3, 1)))}
        x = jnp.array(0)
        return {
            "log_prob": q.log_prob(jnp.array([1.0, 0, 0])),
            "kl": dist.kl_divergence(q, p),
            "kl_of_both": dist.kl_divergence(q, OneHotCategorical(masked(-free))),
            "enumerate": objectives.enumerate(jax.random.key(0), Model(p, lambda x: q, allowed), 0.5).objective,
            "table_elbo": exact.table_elbo(table, x),
            "table_iwae": exact.table_iwae(table, x, num_samples=2),
        }

    log_q = scipy.special.log_softmax(np.asarray(free, np.float64))
    log_p = scipy.special.log_softmax(-np.asarray(free, np.float64))
    prob, log_w = np.exp(log_q), log_p - log_q
    pairs = np.logaddexp(log_w[:, None], log_w) - np.log(2)
    expected = {
        "log_prob": log_q[0],
        "kl": prob @ log_q + np.log(3),
        "kl_of_both": prob @ (log_q - log_p),
        "enumerate": prob @ (scipy.stats.norm.logpdf(0.5, [1, 0]) - log_q) - np.log(3),
        "table_elbo": prob @ log_w,
        "table_iwae": prob @ pairs @ prob,
    }
    both = lambda free: (everything(free), jax.jacrev(everything)(free))
    found, slopes = jax.jit(both, compiler_options=QUICK)(free)
    for name, value in expected.items():
        np.testing.assert_allclose(found[name], value, rtol=1e-5, err_msg=name)
        assert np.isfinite(slopes[name]).all(), name


@pytest.mark.parametrize("dtype", [jnp.float16, jnp.bfloat16])
def test_low_precision_is_summed_in_float32(dtype):
    """784 pixels, against numpy in float64 on the same rounded numbers."""
    m, v, x = (jnp.asarray(RNG.normal(size=784), dtype) for _ in range(3))
    bits = (x > 0).astype(dtype)
    a, b, c = (np.asarray(n, np.float64) for n in (m, v, x))
    log_w = jnp.asarray(-90 + RNG.normal(size=300), dtype)
    w = np.asarray(log_w, np.float64)
    found = jax.jit(
        lambda m, v, x, log_w: {
            "bernoulli": losses.bernoulli_nll(m, bits),
            "flat": losses.bernoulli_nll(0 * m, bits),
            "gaussian": losses.gaussian_nll(m, x, log_var=v),
            "kl": losses.kl_standard_normal(m, v),
            "between": losses.kl_normal(m, v, x, 0.0),
            "categorical": losses.categorical_nll(m, jnp.array(3)),
            "negative_elbo": losses.negative_elbo(m, v),
            "elbo": bounds.elbo(log_w),
            "iwae": bounds.iwae(log_w),
            "renyi": bounds.renyi(log_w, alpha=0.5),
        },
        compiler_options=QUICK,
    )(m, v, x, log_w)
    expected = {
        "bernoulli": np.logaddexp(0, a).sum() - a[c > 0].sum(),
        "flat": 784 * np.log(2),
        "gaussian": -scipy.stats.norm.logpdf(c, a, np.exp(b / 2)).sum(),
        "kl": (np.expm1(b) - b + a**2).sum() / 2,
        "between": (np.expm1(b) - b + (a - c) ** 2).sum() / 2,
        "categorical": scipy.special.logsumexp(a) - a[3],
        "negative_elbo": a + b,
        "elbo": w.mean(),
        "iwae": scipy.special.logsumexp(w) - np.log(300),
        "renyi": 2 * (scipy.special.logsumexp(w / 2) - np.log(300)),
    }
    for name, value in found.items():
        assert value.dtype == jnp.float32, name
        np.testing.assert_allclose(value, expected[name], rtol=1e-5, atol=1e-6, err_msg=name)


def test_effective_sample_size_far_from_zero():
    for base in (1e3, -1e4, 1e6):
        w = np.float32(base + 3 * RNG.normal(size=50)).astype(np.float64)
        expected = np.exp(2 * scipy.special.logsumexp(w - w.max()) - scipy.special.logsumexp(2 * (w - w.max())))
        np.testing.assert_allclose(evaluate.effective_sample_size(jnp.asarray(w, jnp.float32)), expected, rtol=1e-4)
    assert evaluate.effective_sample_size(jnp.full(3, -INF)) == 0


@pytest.mark.parametrize("num_components", [20, 300])
def test_narrow_mixtures_keep_their_digits(num_components):
    """By differences of all, and of the likeliest: sigma of 0.001 around means of length 7, every second one a twin."""
    mean = np.float32(RNG.normal(size=(num_components, 50)))
    mean[1::2] = mean[::2] + np.float32(5e-4)
    sigma = np.float32(1e-3)
    z = np.float32(mean[:10] + sigma * RNG.normal(size=(10, 50)))
    p = DiagonalNormalMixture(jnp.zeros(len(mean)), jnp.asarray(mean), jnp.full(mean.shape, 2 * jnp.log(sigma)))
    log_var = np.asarray(p.log_var, np.float64)
    squares = ((np.float64(z)[:, None] - mean) ** 2 / np.exp(log_var) + log_var + np.log(2 * np.pi)).sum(-1)
    exact_log_p = scipy.special.logsumexp(-squares / 2, axis=1) - np.log(len(mean))
    np.testing.assert_allclose(jax.jit(jax.vmap(p.log_prob))(z), exact_log_p, atol=2e-3)


def test_near_codes_far_from_the_origin_are_told_apart():
    """Clusters of codes 1e-2 wide, 100 and more from the origin and from one another."""
    codes = np.float32(300 + 100 * np.repeat(RNG.normal(size=(4, 3)), 8, axis=0) + 1e-2 * RNG.normal(size=(32, 3)))
    vectors = np.float32(codes[RNG.integers(0, 32, 200)] + 2e-3 * RNG.normal(size=(200, 3)))
    distances = ((np.float64(vectors)[:, None] - codes) ** 2).sum(-1)
    found = nearest(jnp.asarray(vectors), jnp.asarray(codes))
    np.testing.assert_allclose(distances[np.arange(200), found], distances.min(1), atol=1e-6)
    np.testing.assert_array_equal(nearest(jnp.asarray(codes), jnp.asarray(codes)), np.arange(32))


LOGITS = jnp.asarray(np.random.default_rng(1).normal(size=256), jnp.float32)
LEVELLED = jax.jit(
    lambda pixel: {
        "levels": CategoricalLevels(LOGITS).log_prob(pixel),
        "logistic": DiscretizedLogistic(jnp.array(0.5), jnp.array(-1.0)).log_prob(pixel),
        "continuous": ContinuousBernoulli(jnp.array(0.5)).log_prob(pixel),
    }
)
TABLED = jax.jit(exact.DiscreteTable(jnp.zeros(2), jnp.zeros((2, 256))).log_px)


@pytest.mark.parametrize("level", [-1, 256])
def test_what_is_no_level_has_no_probability(level):
    pixels = LEVELLED(level / 255)
    assert all(log_p == -INF for log_p in pixels.values()), pixels
    assert np.isnan(TABLED(level))


BIJECTION = planar(2, 2)
SECOND = {  # functions of three numbers
    "kl_standard_normal": lambda t: losses.kl_standard_normal(t[:1], t[1:2]),
    "kl_normal": lambda t: losses.kl_normal(t[:1], t[1:2], t[2:], t[1:2] * t[2:]),
    "bernoulli_nll": lambda t: losses.bernoulli_nll(t[:2], jnp.abs(t[1:])),
    "gaussian_nll": lambda t: losses.gaussian_nll(t[:1], t[1:2], log_var=t[2]),
    "categorical_nll": lambda t: losses.categorical_nll(t, jnp.array(1)),
    "iwae": bounds.iwae,
    "renyi": lambda t: bounds.renyi(5 * t, alpha=0.3),
    "renyi near 1": lambda t: bounds.renyi(t, alpha=0.999),
    "one_hot": lambda t: OneHotCategorical(t).log_prob(jnp.array([0.0, 1.0, 0.0])),
    "one_hot kl": lambda t: dist.kl_divergence(OneHotCategorical(t), OneHotCategorical(t**2)),
    "continuous_bernoulli": lambda t: ContinuousBernoulli(3 * t).log_prob(0.2).sum(),
    "levels": lambda t: CategoricalLevels(jnp.zeros(256).at[:3].set(t)).log_prob(1 / 255),
    "logistic": lambda t: DiscretizedLogistic(t[0], t[1]).log_prob(0.2),
    "mixture": lambda t: DiagonalNormalMixture(t[:2], t[:2, None], t[1:, None]).log_prob(t[:1]),
    "many": lambda t: DiagonalNormalMixture(jnp.zeros(1200), PLACES + t[0], PLACES * t[1]).log_prob(t[2:]),
    "planar": lambda t: Flow(dist.Normal(t[:2], 1.0).to_event(1), {}, jnp.outer(CONTEXT, t).ravel()[:10], BIJECTION)
    .log_prob(t[1:]),
}  # fmt: skip
PLACES = jnp.linspace(-1, 1, 1200)[:, None]
CONTEXT = jnp.asarray(RNG.normal(size=4), jnp.float32)


def test_second_derivatives():
    """Along one direction, against differences of the gradient in float64: losses, bounds and our own distributions."""
    with jax.enable_x64(True):
        t, way, step = jnp.array([0.7, -0.4, 0.3], jnp.float64), jnp.array([0.6, 1.0, -0.8], jnp.float64), 1e-5

        def compute(t):
            found = {}
            for name, f in SECOND.items():
                slope = jax.grad(f)
                above, below = jax.vmap(slope)(jnp.stack([t + step * way, t - step * way]))
                found[name] = jax.jvp(slope, (t,), (way,))[1], above - below
            return found

        for name, (second, difference) in jax.jit(compute, compiler_options=QUICK)(t).items():
            assert second.dtype == jnp.float64, name
            assert np.abs(second).max() > 1e-5, name
            np.testing.assert_allclose(second, difference / (2 * step), rtol=1e-5, atol=1e-6, err_msg=name)


def test_a_poisson_from_where_its_series_begins():
    x = np.arange(16.0, 20.0)
    found = Poisson(jnp.asarray(x)).log_prob(jnp.asarray(x))
    np.testing.assert_allclose(found, scipy.stats.poisson.logpmf(x, x), atol=5e-7, rtol=0)
