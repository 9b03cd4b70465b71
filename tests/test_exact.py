"""The models with known answers, against scipy and sums over all states."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.special
import scipy.stats

from tests.test_objectives import assert_mean, draws
from vaex import objectives
from vaex.models import exact

pytestmark = pytest.mark.exact

RNG = np.random.default_rng(0)
D, K = 4, 2
GENERATOR = exact.LinearGaussian(
    jnp.asarray(RNG.normal(size=(D, K)), jnp.float32), jnp.asarray(RNG.normal(size=D), jnp.float32), jnp.array([0.5])
)
ENCODER = exact.AffinePosterior(
    jnp.asarray(0.3 * RNG.normal(size=(K, D)), jnp.float32), jnp.array([0.1, -0.2]), jnp.array([-0.5, -1.0])
)
LINEAR = {"encoder": ENCODER, "decoder": GENERATOR}
X = jnp.asarray(RNG.normal(size=D), jnp.float32)
STATES, VALUES = 3, 4
TABLE = {
    "encoder": jnp.asarray(RNG.normal(size=(VALUES, STATES)), jnp.float32),
    "decoder": exact.DiscreteTable(
        jnp.asarray(RNG.normal(size=STATES), jnp.float32), jnp.asarray(RNG.normal(size=(STATES, VALUES)), jnp.float32)
    ),
}
SYMBOL = jnp.array(2)


@pytest.mark.parametrize("noise_var", [jnp.array([0.5]), jnp.array([0.1, 0.5, 1.0, 2.0])])
def test_log_px_and_posterior_match_scipy(noise_var):
    """Probabilistic PCA and factor analysis: log p(x), and Bayes' rule at an arbitrary z."""
    z = np.array([0.3, -1.2], np.float32)

    @jax.jit
    def compute(model, z):
        joint = model.prior().log_prob(z) + model.decode(z).log_prob(X)
        return model.covariance(), model.log_px(X), joint, model.posterior(X).log_prob(z)

    covariance, log_px, joint, posterior = compute(GENERATOR._replace(noise_var=noise_var), z)
    expected = scipy.stats.multivariate_normal(GENERATOR.mean, covariance).logpdf(X)
    np.testing.assert_allclose(log_px, expected, rtol=1e-5)
    np.testing.assert_allclose(posterior, joint - log_px, rtol=1e-4)


def test_the_linear_elbo_is_the_mean_of_its_estimates():
    """Within 5 standard errors of 4,000 draws."""
    model = exact.bind_linear_gaussian(LINEAR)
    estimates = draws(lambda k: objectives.elbo(k, model, X).objective)
    assert_mean(estimates, jax.jit(exact.linear_gaussian_elbo)(LINEAR, X))


def test_the_linear_elbo_with_the_exact_posterior_is_log_px():
    """Orthogonal columns make the posterior diagonal."""
    weight = jnp.array([[1.0, 1.0], [1.0, -1.0], [0.5, 0.0], [0.0, 0.5]])
    generator = GENERATOR._replace(weight=weight, mean=jnp.zeros(D))

    @jax.jit
    def compute(generator):
        covariance = generator.posterior(X).covariance_matrix
        encoder = exact.AffinePosterior(covariance @ weight.T / 0.5, jnp.zeros(K), jnp.log(jnp.diag(covariance)))
        bound = exact.linear_gaussian_elbo({"encoder": encoder, "decoder": generator}, X)
        return bound, generator.log_px(X)

    np.testing.assert_allclose(*compute(generator), rtol=1e-5)


def test_maximum_likelihood_ppca_has_no_better_neighbour():
    """Its gradient is zero, and it beats the truth on its own sample."""
    z, noise = RNG.normal(size=(300, K)), RNG.normal(size=(300, D))
    x = jnp.asarray(z @ np.asarray(GENERATOR.weight).T + GENERATOR.mean + np.sqrt(0.5) * noise, jnp.float32)

    @jax.jit
    def compute(x):
        def likelihood(model):
            return jnp.mean(jax.vmap(model.log_px)(x))

        return jax.value_and_grad(likelihood)(exact.ppca_maximum_likelihood(x, K)), likelihood(GENERATOR)

    (best, gradient), truth = compute(x)
    assert best > truth
    for leaf in jax.tree.leaves(gradient):
        np.testing.assert_allclose(leaf, 0, atol=2e-4)


def test_principal_angles():
    a = np.array([[1.0, 0], [0, 1], [0, 0]], np.float32)
    tilt = np.radians(0.5)
    b = np.array([[1.0, 0], [0, np.cos(tilt)], [0, np.sin(tilt)]]) @ np.array([[2.0, 1], [0, 3]])
    np.testing.assert_allclose(jax.jit(exact.principal_angles)(a, b.astype(np.float32)), [0, 0.5], atol=1e-3)


def test_the_table_sums_over_its_states():
    table = TABLE["decoder"]
    p_z, p_x_z = scipy.special.softmax(table.prior_logits), scipy.special.softmax(table.likelihood_logits, axis=-1)
    log_px, posterior = jax.jit(lambda table, x: (table.log_px(x), table.posterior(x).probs))(table, SYMBOL)
    np.testing.assert_allclose(log_px, np.log(np.sum(p_z * p_x_z[:, 2])), rtol=1e-5)
    np.testing.assert_allclose(posterior, p_z * p_x_z[:, 2] / np.sum(p_z * p_x_z[:, 2]), rtol=1e-5)


def test_the_tables_bounds_are_expectations_over_all_tuples():
    q = scipy.special.softmax(np.asarray(TABLE["encoder"], np.float64)[2])
    table = TABLE["decoder"]
    log_joint = (
        scipy.special.log_softmax(table.prior_logits)
        + scipy.special.log_softmax(table.likelihood_logits, axis=-1)[:, 2]
    )
    log_w = log_joint - np.log(q)
    elbo, found = jax.jit(lambda p: (exact.table_elbo(p, SYMBOL), exact.table_iwae(p, SYMBOL, num_samples=3)))(TABLE)
    np.testing.assert_allclose(elbo, np.sum(q * log_w), rtol=1e-5)
    expected = sum(
        np.prod(q[list(t)]) * (scipy.special.logsumexp(log_w[list(t)]) - np.log(3))
        for t in itertools.product(range(STATES), repeat=3)
    )
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_the_bounds_are_ordered_and_approach_log_px_as_one_over_k():
    """ELBO <= E[L_2] <= E[L_4] <= ... <= log p(x), and K times the gap tends to Var_q[w / p(x)] / 2, all exactly."""
    shift, sizes = jnp.array([0.3, -0.2, 0.0]), (1, 2, 4, 8)

    @jax.jit
    def compute(table):
        logits = table["decoder"].posterior(SYMBOL).logits
        near = table | {"encoder": table["encoder"].at[2].set(logits + shift)}
        bounds = [exact.table_iwae(near, SYMBOL, num_samples=k) for k in sizes]
        return logits, table["decoder"].log_px(SYMBOL), exact.table_elbo(near, SYMBOL), bounds

    logits, log_px, elbo, bounds = jax.tree.map(np.asarray, compute(TABLE))
    gaps = {k: float(log_px) - float(bound) for k, bound in zip(sizes, bounds, strict=True)}
    np.testing.assert_allclose(gaps[1], log_px - elbo, rtol=1e-3)
    assert gaps[1] > gaps[2] > gaps[4] > gaps[8] > 0
    q = scipy.special.softmax(logits + np.asarray(shift))
    theory = np.sum(q * (scipy.special.softmax(logits) / q - 1) ** 2) / 2
    assert abs(8 * gaps[8] / theory - 1) < 0.02
    assert abs(8 * gaps[8] / theory - 1) < abs(gaps[1] / theory - 1)


def test_any_bound_is_exact_at_the_posterior():
    @jax.jit
    def compute(table):
        logits = table["decoder"].posterior(SYMBOL).logits
        perfect = table | {"encoder": table["encoder"].at[2].set(logits)}
        return table["decoder"].log_px(SYMBOL), [exact.table_iwae(perfect, SYMBOL, num_samples=k) for k in (1, 3)]

    log_px, bounds = compute(TABLE)
    np.testing.assert_allclose(bounds, [log_px] * 2, rtol=1e-5)
