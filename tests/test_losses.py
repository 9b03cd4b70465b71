"""Closed forms against scipy, gradients against the exact expression, and stability at the extremes."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.special
import scipy.stats

from vaex import losses
from vaex.errors import UsageError
from vaex.losses.arithmetic import at_least_float32

pytestmark = pytest.mark.exact

RNG = np.random.default_rng(0)
MEAN, LOG_VAR, X = (jnp.asarray(RNG.normal(size=(3, 7)), jnp.float32) for _ in range(3))
MEAN_P, LOG_VAR_P = (jnp.asarray(RNG.normal(size=(3, 7)), jnp.float32) for _ in range(2))
BITS = jnp.asarray(np.asarray(X) > 0, jnp.float32)
LABELS = jnp.array([0, 6, 3])
INF = np.inf


def numeric_kl(mean_q, log_var_q, mean_p, log_var_p):
    """KL by quadrature of q log(q/p), one dimension at a time."""
    q = scipy.stats.norm(mean_q, np.exp(log_var_q / 2))
    p = scipy.stats.norm(mean_p, np.exp(log_var_p / 2))
    grid = np.linspace(mean_q - 12 * q.std(), mean_q + 12 * q.std(), 20_001)
    return np.trapezoid(q.pdf(grid) * (q.logpdf(grid) - p.logpdf(grid)), grid)


def test_kl_normal_matches_quadrature():
    args = [np.asarray(a, np.float64) for a in (MEAN, LOG_VAR, MEAN_P, LOG_VAR_P)]
    expected = [sum(numeric_kl(*(a[i, j] for a in args)) for j in range(7)) for i in range(3)]
    np.testing.assert_allclose(losses.kl_normal(MEAN, LOG_VAR, MEAN_P, LOG_VAR_P), expected, rtol=1e-5)


def test_kl_standard_normal_is_the_case_of_a_standard_normal():
    zero = jnp.zeros_like(MEAN)
    np.testing.assert_allclose(
        losses.kl_standard_normal(MEAN, LOG_VAR), losses.kl_normal(MEAN, LOG_VAR, zero, zero), rtol=1e-6
    )


def test_kl_keeps_its_digits_near_zero():
    log_var = jnp.full((1,), 1e-4)
    expected = 0.5 * (np.expm1(1e-4) - 1e-4)
    np.testing.assert_allclose(losses.kl_standard_normal(jnp.zeros(1), log_var), expected, rtol=1e-2)


def test_bernoulli_nll_matches_scipy():
    p = scipy.special.expit(np.asarray(MEAN, np.float64))
    expected = -scipy.stats.bernoulli.logpmf(np.asarray(BITS), p).sum(-1)
    np.testing.assert_allclose(losses.bernoulli_nll(MEAN, BITS), expected, rtol=1e-6)


def test_bernoulli_nll_for_any_width():
    """Its logarithms are taken of groups whose size depends on the width: of 1 to 34, 48 and 50, at four scales."""
    rng, scales = np.random.default_rng(0), np.array([0.1, 1.0, 10.0, 100.0])[:, None]
    shapes = [(4, d) for d in (*range(1, 35), 48, 50)]
    cases = [((scales * rng.normal(size=n)).astype("f"), rng.integers(0, 2, n).astype("f")) for n in shapes]
    found = jax.jit(lambda cases: [losses.bernoulli_nll(*case) for case in cases])(cases)
    for (logits, x), nll in zip(cases, found, strict=True):
        expected = np.logaddexp(0, (1 - 2 * x) * logits.astype(np.float64)).sum(axis=-1)
        np.testing.assert_allclose(nll, expected, rtol=2e-5, atol=1e-30)


def test_bernoulli_nll_keeps_tiny_terms():
    """log(1 + 1e-9) is 1e-9, which a product of ones and tiny terms would lose."""
    value, _ = BERNOULLI(jnp.full((16,), 20.0), jnp.ones(16))
    np.testing.assert_allclose(value, 16 * np.log1p(np.exp(-20.0)), rtol=1e-5)


def test_gaussian_nll_matches_scipy():
    expected = -scipy.stats.norm.logpdf(X, MEAN, np.exp(np.asarray(LOG_VAR) / 2)).sum(-1)
    np.testing.assert_allclose(losses.gaussian_nll(MEAN, X, log_var=LOG_VAR), expected, rtol=1e-5)


def test_gaussian_nll_counts_a_scalar_variance_once_for_each_dimension():
    full = losses.gaussian_nll(MEAN, X, log_var=jnp.full_like(X, -1.3))
    np.testing.assert_allclose(losses.gaussian_nll(MEAN, X, log_var=-1.3), full, rtol=1e-6)


def test_categorical_nll_matches_scipy():
    expected = -scipy.special.log_softmax(np.asarray(MEAN, np.float64), axis=-1)[np.arange(3), LABELS]
    np.testing.assert_allclose(losses.categorical_nll(MEAN, LABELS), expected, rtol=1e-5)


def test_categorical_nll_of_a_label_outside_is_nan():
    np.testing.assert_array_equal(np.isnan(losses.categorical_nll(MEAN, jnp.array([-1, 7, 3]))), [True, True, False])
    with pytest.raises(UsageError, match=r"labels are float32 of shape .*: expected classes as integers"):
        losses.categorical_nll(MEAN, X[:, 0])


IMAGES = jnp.asarray(RNG.normal(size=(5, 4, 3, 2)), jnp.float32)
ROWS = IMAGES.reshape(5, -1)
OF_IMAGES = {
    "kl_standard_normal": lambda a, n: losses.kl_standard_normal(a, 2 * a, event_ndims=n),
    "kl_normal": lambda a, n: losses.kl_normal(a, 2 * a, 3 * a, -a, event_ndims=n),
    "bernoulli_nll": lambda a, n: losses.bernoulli_nll(a, (a > 0) * 1.0, event_ndims=n),
    "gaussian_nll": lambda a, n: losses.gaussian_nll(a, 2 * a, log_var=-a, event_ndims=n),
}


@pytest.mark.parametrize("name", OF_IMAGES)
def test_images_are_summed_over_all_their_axes(name):
    f = OF_IMAGES[name]
    images, rows, guessed = jax.jit(lambda: (f(IMAGES, 3), f(ROWS, 1), f(IMAGES, 1)))()
    np.testing.assert_allclose(images, rows, rtol=1e-5)
    assert guessed.shape == (5, 4, 3)  # nothing guesses


def test_the_levels_of_an_image_are_one_example():
    both = jax.jit(lambda a, n: (losses.categorical_nll(a, n, event_ndims=2), losses.categorical_nll(a, n)))
    found, each = both(IMAGES, RNG.integers(0, 2, (5, 4, 3)))
    np.testing.assert_allclose(found, np.asarray(each).sum((1, 2)), rtol=1e-5)


def test_one_example_meets_many_and_no_axis_is_stretched_over_another():
    """K draws' outputs [K, n, d] with a batch [n, d], and a parameter [d]; but an n of 1, 4 and [4, 1] never meet."""

    @jax.jit
    def compute(mean):
        bernoulli = losses.bernoulli_nll(jnp.stack([mean, 2 * mean]), BITS)[1], losses.bernoulli_nll(2 * mean, BITS)
        one = losses.gaussian_nll(mean[0], X, log_var=jnp.zeros((3, 1)))
        return bernoulli, (one, losses.gaussian_nll(jnp.tile(mean[:1], (3, 1)), X, log_var=0.0))

    for found, expected in compute(MEAN):
        np.testing.assert_allclose(found, expected, rtol=1e-6)


ROW, COLUMN, ONE, FEW = jnp.arange(4.0), jnp.arange(4.0)[:, None], MEAN[:1], jnp.zeros((1, 7))
MISMATCHED = {
    "gaussian_nll": lambda: losses.gaussian_nll(COLUMN, ROW, log_var=0.0),
    "gaussian_nll of one": lambda: losses.gaussian_nll(MEAN, ONE, log_var=0.0),
    "gaussian_nll's log_var": lambda: losses.gaussian_nll(COLUMN, COLUMN, log_var=ROW),
    "bernoulli_nll": lambda: losses.bernoulli_nll(COLUMN, ROW),
    "bernoulli_nll of one": lambda: losses.bernoulli_nll(MEAN, ONE),
    "bernoulli_nll of a number": lambda: losses.bernoulli_nll(MEAN, jnp.array(1.0)),
    "bernoulli_nll of images": lambda: losses.bernoulli_nll(IMAGES, ROWS, event_ndims=3),
    "kl_standard_normal": lambda: losses.kl_standard_normal(COLUMN, ROW),
    "kl_normal": lambda: losses.kl_normal(MEAN, LOG_VAR, ONE, FEW),
    "reparameterize": lambda: losses.reparameterize(jax.random.key(0), COLUMN, ROW),
    "categorical_nll": lambda: losses.categorical_nll(MEAN, LABELS[:, None]),
    "negative_elbo": lambda: losses.negative_elbo(jnp.ones(8), jnp.ones((8, 1))),
    "negative_elbo of pixels": lambda: losses.negative_elbo(jnp.ones((28, 28)), jnp.ones(28)),
    "negative_elbo's beta": lambda: losses.negative_elbo(jnp.ones(4), jnp.ones(4), beta=COLUMN),
}


@pytest.mark.parametrize("name", MISMATCHED)
def test_shapes_that_do_not_match_are_refused(name):
    with pytest.raises(UsageError, match="expected"):
        MISMATCHED[name]()
    if name.startswith("negative_elbo"):
        with pytest.raises(UsageError, match="event_ndims"):
            MISMATCHED[name]()


def test_infinite_log_odds_are_certain():
    logits, x = np.array([INF, -INF, 0.5]), np.array([1.0, 0.0, 1.0])
    value, slope = BERNOULLI(logits, x)
    np.testing.assert_allclose(value, np.log1p(np.exp(-0.5)), rtol=1e-6)
    np.testing.assert_allclose(slope, [0, 0, -scipy.special.expit(-0.5)], rtol=1e-6)
    assert BERNOULLI(logits, 1 - x)[0] == INF


def test_negative_elbo_weights_the_kl():
    np.testing.assert_allclose(losses.negative_elbo(jnp.array(3.0), jnp.array(2.0), beta=4.0), 11.0)


def test_whole_numbers_are_no_precision_to_compute_in():
    """And a draw is in the mean's, whatever the log-variance's."""
    found = at_least_float32(jnp.array([70_000]))
    assert found.dtype == jnp.float32
    np.testing.assert_allclose(jnp.square(found), [4.9e9])
    draw = losses.reparameterize(jax.random.key(0), jnp.zeros(2, jnp.bfloat16), jnp.zeros(2))
    assert draw.dtype == jnp.bfloat16


def test_reparameterize_draws_from_the_normal():
    """Kolmogorov-Smirnov, whose p-value is uniform: below 1e-4 once in 10,000 seeds."""
    draws = losses.reparameterize(jax.random.key(0), jnp.full((20_000,), 1.5), jnp.full((20_000,), np.log(4.0)))
    assert scipy.stats.kstest(np.asarray(draws), scipy.stats.norm(1.5, 2.0).cdf).pvalue > 1e-4


def test_reparameterize_has_the_pathwise_gradient():
    """dz/dmean = 1 and dz/dlog_var = (z - mean) / 2."""
    key, mean, log_var = jax.random.key(1), jnp.array([0.3]), jnp.array([-0.7])
    draw = lambda m, v: (losses.reparameterize(key, m, v).sum(), losses.reparameterize(key, m, v))
    (_, z), (d_mean, d_log_var) = jax.jit(jax.value_and_grad(draw, argnums=(0, 1), has_aux=True))(mean, log_var)
    np.testing.assert_allclose(d_mean, 1.0)
    np.testing.assert_allclose(d_log_var, (z - 0.3) / 2, rtol=1e-6)


LOSSES = {
    "reparameterize": (lambda m, v: losses.reparameterize(jax.random.key(0), m, v), (MEAN, LOG_VAR)),
    "kl_standard_normal": (losses.kl_standard_normal, (MEAN, LOG_VAR)),
    "kl_normal": (losses.kl_normal, (MEAN, LOG_VAR, MEAN_P, LOG_VAR_P)),
    "bernoulli_nll": (losses.bernoulli_nll, (MEAN, BITS)),
    "gaussian_nll": (lambda m, x, v: losses.gaussian_nll(m, x, log_var=v), (MEAN, X, LOG_VAR)),
    "categorical_nll": (losses.categorical_nll, (MEAN, LABELS)),
    "negative_elbo": (losses.negative_elbo, (MEAN[:, 0], X[:, 0])),
}


@pytest.mark.parametrize("name", LOSSES)
def test_under_jit_and_vmap(name):
    f, args = LOSSES[name]
    plain = f(*args)
    np.testing.assert_allclose(jax.jit(f)(*args), plain, rtol=1e-6, atol=1e-6)
    if name != "reparameterize":  # under vmap each example would draw the same noise from one key
        np.testing.assert_allclose(jax.jit(jax.vmap(f))(*args), plain, rtol=1e-6)
        assert plain.shape == (3,)


EXACT_GRADIENTS = {
    "kl_standard_normal": lambda m, v: (m, np.expm1(v) / 2),
    "kl_normal": lambda m, v, mp, vp: (
        (m - mp) / np.exp(vp),
        np.expm1(v - vp) / 2,
        (mp - m) / np.exp(vp),
        (1 - np.exp(v - vp) - (m - mp) ** 2 / np.exp(vp)) / 2,
    ),
    "bernoulli_nll": lambda m, x: (scipy.special.expit(m) - x, -m),
    "gaussian_nll": lambda m, x, v: (
        (m - x) / np.exp(v),
        (x - m) / np.exp(v),
        (1 - (x - m) ** 2 / np.exp(v)) / 2,
    ),
}


@functools.cache
def with_gradients(name):
    """(args) -> the loss, summed over examples, and its gradient with respect to each."""
    f, args = LOSSES[name]
    return jax.jit(jax.value_and_grad(lambda *a: f(*a).sum(), argnums=tuple(range(len(args)))))


@pytest.mark.parametrize("name", EXACT_GRADIENTS)
def test_gradients_are_the_exact_expression(name):
    args = LOSSES[name][1]
    exact = EXACT_GRADIENTS[name](*(np.asarray(a, np.float64) for a in args))
    for found, expected in zip(with_gradients(name)(*args)[1], exact, strict=True):
        np.testing.assert_allclose(found, expected, rtol=2e-5, atol=1e-6)


BERNOULLI = jax.jit(jax.value_and_grad(losses.bernoulli_nll))


def test_bernoulli_gradient_at_a_logit_of_zero():
    """Where |logit| has no derivative the loss has one: sigmoid(0) - x."""
    np.testing.assert_allclose(BERNOULLI(jnp.zeros(16), jnp.ones(16))[1], -0.5)


def test_bernoulli_second_derivative():
    """d^2/dlogit^2 = p (1 - p)."""
    second = jax.jit(jax.grad(jax.grad(lambda logit: losses.bernoulli_nll(logit[None], jnp.ones(1)))))(0.8)
    p = scipy.special.expit(0.8)
    np.testing.assert_allclose(second, p * (1 - p), rtol=1e-5)


@pytest.mark.parametrize("logit", [-1e4, 1e4])
@pytest.mark.parametrize("x", [0.0, 1.0])
def test_bernoulli_at_extreme_logits(logit, x):
    value, slope = BERNOULLI(jnp.full((16,), logit), jnp.full((16,), x))
    wrong = (logit > 0) != (x > 0)
    np.testing.assert_allclose(value, 16e4 if wrong else 0.0, rtol=1e-6)
    np.testing.assert_allclose(slope, (1.0 if logit > 0 else 0.0) - x, atol=1e-6)


@pytest.mark.parametrize("log_var", [-50.0, 50.0])
@pytest.mark.parametrize("mean", [0.0, 3.0])
def test_gaussians_at_extreme_variances(log_var, mean):
    m, v, zero = (jnp.full((4,), value) for value in (mean, log_var, 0.0))
    kl = 2 * (np.exp(log_var) - 1 - log_var + mean**2)
    nll = 2 * (np.log(2 * np.pi) + log_var + mean**2 * np.exp(-log_var))
    for name, args, expected in (("kl_standard_normal", (m, v), kl), ("gaussian_nll", (m, zero, v), nll)):
        value, gradients = with_gradients(name)(*args)
        np.testing.assert_allclose(value, expected, rtol=1e-5)
        exact = EXACT_GRADIENTS[name](*(np.asarray(a, np.float64) for a in args))
        for found, gradient in zip(gradients, exact, strict=True):
            np.testing.assert_allclose(found, gradient, rtol=1e-4)


def test_kl_normal_between_extremes_is_never_nan():
    """The true value, 1e43 nats, is beyond float32: inf, and right where it fits."""
    wide, narrow, zero = (jnp.full((2,), value, jnp.float32) for value in (50.0, -50.0, 0.0))
    (beyond, one), (within, other) = (
        with_gradients("kl_normal")(zero, a, zero, b) for a, b in ((wide, narrow), (narrow, wide))
    )
    assert beyond == jnp.inf
    np.testing.assert_allclose(within, 99.0, rtol=1e-6)
    assert not any(np.isnan(g).any() for g in (*one, *other))


def test_numpys_arrays_are_taken_and_jaxs_come_back():
    found = losses.negative_elbo(
        losses.bernoulli_nll(np.zeros((2, 3)), np.ones((2, 3), np.uint8)), np.ones(2), beta=2.0
    )
    assert isinstance(found, jax.Array)
    np.testing.assert_allclose(found, 3 * np.log(2) + 2, rtol=1e-6)
    with pytest.raises(UsageError, match=r"beta is -1.0: expected a finite number of at least 0"):
        losses.negative_elbo(jnp.ones(2), jnp.ones(2), beta=-1.0)


def test_what_is_no_pixel_has_no_likelihood_and_no_rows_have_none():
    """Levels of 255 would have a negative log-likelihood without bound."""
    x = jnp.array([[255, 0], [1, 0]], jnp.uint8)
    found = losses.bernoulli_nll(jnp.full((2, 2), 3.0), x)
    assert np.isnan(found[0])
    np.testing.assert_allclose(found[1], -scipy.stats.bernoulli(scipy.special.expit(3)).logpmf([1, 0]).sum(), rtol=1e-5)
    assert losses.bernoulli_nll(jnp.zeros((0, 4)), jnp.zeros((0, 4))).shape == (0,)


@pytest.mark.parametrize("shape", [(4,), (3, 4), (4, 4)])
def test_integer_one_hot_labels_are_no_batch_of_labels(shape):
    """Nor where vmap has traced them; and as many labels as there are classes are labels."""
    one_hot = jax.nn.one_hot(np.arange(np.prod(shape[:-1], dtype=int)).reshape(shape[:-1]) % 4, 4, dtype=jnp.int32)
    for f in (losses.categorical_nll, jax.jit(losses.categorical_nll)):
        with pytest.raises(UsageError, match=r"labels are int32 of shape .*: expected classes as integers; .* argmax"):
            f(jnp.zeros(shape), one_hot)
    labels = np.array([3, 0, 1, 2])
    np.testing.assert_allclose(losses.categorical_nll(jnp.zeros((4, 4)), labels), np.log(4), rtol=1e-6)
    np.testing.assert_allclose(losses.categorical_nll(jnp.zeros(4), labels), np.log(4), rtol=1e-6)
