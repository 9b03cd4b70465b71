"""Missing values by chains, against the exact conditional of a linear-Gaussian model."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.stats import multivariate_normal

from experiments.studies import missing as study
from tests.models import linear_gaussian
from tests.one_step import QUICK
from tests.test_missing import GENERATOR, MASK, SEEN, UNSEEN, X, conditional_moments
from vaex.distributions.masked import Masked
from vaex.errors import UsageError
from vaex.inference import missing
from vaex.inference.iterate import iterate
from vaex.models.missing import partially_observed

KEY = jax.random.key(0)
NUM_CHAINS, NUM_STEPS = 2000, 40
HIDDEN = Masked(jnp.where(MASK, X, jnp.nan), MASK)  # what is missing is nowhere


def model_of(shift, stretch):
    """Of Masked examples, with q(z|x) the exact posterior of whole ones, shifted and stretched."""
    exact = linear_gaussian(shift, stretch)
    mean = jnp.linspace(-1, 1, 5)
    return partially_observed(exact._replace(decode=GENERATOR.decode, encode=lambda x: exact.encode(x - mean)))


OTHER = (0.3, 1.7)
METHODS = {"pseudo": missing.pseudo_gibbs, "tested": missing.metropolis_within_gibbs}


@pytest.fixture(scope="module")
def ends():
    """By method and by q the last completed x of every chain, and how often z was accepted."""

    @functools.partial(jax.jit, compiler_options=QUICK)
    @functools.partial(jax.vmap, in_axes=(None, 0))
    @functools.partial(jax.vmap, in_axes=(0, None))
    def run(key, q):
        found = {}
        for name, method in METHODS.items():
            start_key, step_key = jax.random.split(key)
            start = method().init(start_key, model_of(*q), HIDDEN)
            state, info = iterate(step_key, method(), start, num_steps=NUM_STEPS)
            found[name] = state.x, jnp.mean(info.accepted)
        return found

    found = run(jax.random.split(KEY, NUM_CHAINS), jnp.array([(0.0, 1.0), OTHER]))
    of_q = lambda i: jax.tree.map(lambda a: np.asarray(a[i]), found)
    return {f"{name}, {q}": of_q(i)[name] for i, q in enumerate(("exact q", "another q")) for name in METHODS}


def distances(x):
    """Of the mean and the covariance from the exact ones, in standard errors of independent chains."""
    mean, cov = conditional_moments()
    centred = x[:, UNSEEN] - mean
    products = centred[:, :, None] * centred[:, None, :]
    error = np.sqrt(len(x))
    of_mean = np.abs(centred.mean(axis=0)) / centred.std(axis=0) * error
    return max(of_mean.max(), (np.abs(products.mean(axis=0) - cov) / products.std(axis=0) * error).max())


@pytest.mark.parametrize("name", ["pseudo, exact q", "tested, exact q", "tested, another q"])
def test_the_chain_ends_in_the_exact_conditional(name, ends):
    """Mean and covariance within 5 standard errors of 2,000 chains; what is observed stays."""
    x, accepted = ends[name]
    np.testing.assert_array_equal(x[:, SEEN], np.broadcast_to(X[SEEN], (NUM_CHAINS, len(SEEN))))
    assert distances(x) < 5
    if name == "tested, another q":
        assert 0.2 < accepted.mean() < 0.95
    else:
        np.testing.assert_allclose(accepted, 1.0)  # Metropolis' ratio is 1 at the exact posterior, but for rounding


def test_without_the_test_another_q_has_another_limit(ends):
    assert distances(ends["pseudo, another q"][0]) > 10


def test_the_mean_over_a_chain_is_the_conditional_mean():
    """5 standard errors of 50 runs of 400 steps from a q that is off."""
    one = lambda k: missing.conditional_mean(k, model_of(*OTHER), HIDDEN, num_steps=400, num_warmup=50)
    runs = np.asarray(jax.jit(jax.vmap(one), compiler_options=QUICK)(jax.random.split(KEY, 50)))
    np.testing.assert_array_equal(runs[:, SEEN], np.broadcast_to(X[SEEN], (50, 3)))
    error = runs[:, UNSEEN].std(axis=0, ddof=1) / np.sqrt(50)
    assert (error < 0.03).all()
    assert (np.abs(runs[:, UNSEEN].mean(axis=0) - conditional_moments()[0]) < 5 * error).all()


def test_what_cannot_be_is_refused():
    with pytest.raises(UsageError, match=r"mask of shape \(4,\) with an x of shape \(5,\)"):
        missing.pseudo_gibbs().init(KEY, model_of(0.0, 1.0), Masked(X, MASK[:4]))
    with pytest.raises(UsageError, match="num_warmup is -1: expected a whole number of at least 0"):
        missing.conditional_mean(KEY, model_of(0.0, 1.0), HIDDEN, num_warmup=-1)


@pytest.mark.parametrize("way", ["importance sampling", "Metropolis within Gibbs"])
def test_what_a_study_says_of_the_truth_is_its_exact_conditional(way):
    """Log p(x_m|x_o) and the squared error of the mean of 8,000 draws, within 2% and 5%."""
    mean, cov = conditional_moments()
    predict = lambda key: study.predicted(
        model_of(*OTHER), HIDDEN, X, study.WAYS[way](key, model_of(*OTHER), HIDDEN, 8000)
    )
    found = jax.jit(predict, compiler_options=QUICK)(KEY)
    exact = multivariate_normal(mean, cov).logpdf(np.asarray(X)[UNSEEN]) / len(UNSEEN)
    np.testing.assert_allclose(found.log_density, exact, rtol=0.02)
    np.testing.assert_allclose(found.squared_error, np.mean((mean - np.asarray(X)[UNSEEN]) ** 2), rtol=0.05)
