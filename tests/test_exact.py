"""The models with known answers, against scipy and sums over all states."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.stats

from tests.test_objectives import assert_mean, draws
from vaex import objectives
from vaex.models import exact

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
    model = GENERATOR._replace(noise_var=noise_var)
    expected = scipy.stats.multivariate_normal(model.mean, model.covariance()).logpdf(X)
    np.testing.assert_allclose(model.log_px(X), expected, rtol=1e-5)
    z = jnp.array([0.3, -1.2])
    bayes = model.prior().log_prob(z) + model.decode(z).log_prob(X) - model.log_px(X)
    np.testing.assert_allclose(model.posterior(X).log_prob(z), bayes, rtol=1e-4)


def test_the_linear_elbo_is_the_mean_of_its_estimates():
    """Within 5 standard errors of 4,000 draws."""
    model = exact.bind_linear_gaussian(LINEAR)
    estimates = draws(lambda k: objectives.elbo(k, model, X).objective)
    assert_mean(estimates, exact.linear_gaussian_elbo(LINEAR, X))


def test_the_linear_elbo_with_the_exact_posterior_is_log_px():
    """Orthogonal columns make the posterior diagonal."""
    weight = jnp.array([[1.0, 1.0], [1.0, -1.0], [0.5, 0.0], [0.0, 0.5]])
    generator = GENERATOR._replace(weight=weight, mean=jnp.zeros(D))
    posterior = generator.posterior(X)
    encoder = exact.AffinePosterior(
        posterior.covariance_matrix @ weight.T / 0.5, jnp.zeros(K), jnp.log(jnp.diag(posterior.covariance_matrix))
    )
    bound = exact.linear_gaussian_elbo({"encoder": encoder, "decoder": generator}, X)
    np.testing.assert_allclose(bound, generator.log_px(X), rtol=1e-5)


def test_maximum_likelihood_ppca_has_no_better_neighbour():
    """Its gradient is zero, and it beats the truth on its own sample."""
    z, noise = RNG.normal(size=(300, K)), RNG.normal(size=(300, D))
    x = jnp.asarray(z @ np.asarray(GENERATOR.weight).T + GENERATOR.mean + np.sqrt(0.5) * noise, jnp.float32)

    def likelihood(model):
        return jnp.mean(jax.vmap(model.log_px)(x))

    best = exact.ppca_maximum_likelihood(x, K)
    assert likelihood(best) > likelihood(GENERATOR)
    for leaf in jax.tree.leaves(jax.grad(likelihood)(best)):
        np.testing.assert_allclose(leaf, 0, atol=2e-4)


def test_principal_angles():
    a = jnp.array([[1.0, 0], [0, 1], [0, 0]])
    tilt = np.radians(0.5)
    b = jnp.array([[1.0, 0], [0, np.cos(tilt)], [0, np.sin(tilt)]])
    np.testing.assert_allclose(exact.principal_angles(a, b @ jnp.array([[2.0, 1], [0, 3]])), [0, 0.5], atol=1e-3)


def test_the_table_sums_over_its_states():
    table = TABLE["decoder"]
    p_z, p_x_z = scipy.special.softmax(table.prior_logits), scipy.special.softmax(table.likelihood_logits, axis=-1)
    np.testing.assert_allclose(table.log_px(SYMBOL), np.log(np.sum(p_z * p_x_z[:, 2])), rtol=1e-5)
    np.testing.assert_allclose(table.posterior(SYMBOL).probs, p_z * p_x_z[:, 2] / np.sum(p_z * p_x_z[:, 2]), rtol=1e-5)


def test_the_tables_bounds_are_expectations_over_all_tuples():
    q = scipy.special.softmax(np.asarray(TABLE["encoder"][2], np.float64))
    table = TABLE["decoder"]
    log_joint = (
        scipy.special.log_softmax(table.prior_logits)
        + scipy.special.log_softmax(table.likelihood_logits, axis=-1)[:, 2]
    )
    log_w = log_joint - np.log(q)
    np.testing.assert_allclose(exact.table_elbo(TABLE, SYMBOL), np.sum(q * log_w), rtol=1e-5)
    expected = sum(
        np.prod(q[list(t)]) * (scipy.special.logsumexp(log_w[list(t)]) - np.log(3))
        for t in itertools.product(range(STATES), repeat=3)
    )
    np.testing.assert_allclose(exact.table_iwae(TABLE, SYMBOL, num_samples=3), expected, rtol=1e-5)


def test_the_bounds_are_ordered_and_approach_log_px_as_one_over_k():
    """ELBO <= E[L_2] <= E[L_4] <= ... <= log p(x), and K times the gap tends to Var_q[w / p(x)] / 2, all exactly."""
    log_px = float(TABLE["decoder"].log_px(SYMBOL))
    near = {
        **TABLE,
        "encoder": TABLE["encoder"].at[2].set(TABLE["decoder"].posterior(SYMBOL).logits + jnp.array([0.3, -0.2, 0.0])),
    }
    gaps = {k: log_px - float(exact.table_iwae(near, SYMBOL, num_samples=k)) for k in (1, 2, 4, 8)}
    np.testing.assert_allclose(gaps[1], log_px - exact.table_elbo(near, SYMBOL), rtol=1e-3)
    assert gaps[1] > gaps[2] > gaps[4] > gaps[8] > 0
    q = jax.nn.softmax(near["encoder"][2])
    ratio = jax.nn.softmax(near["decoder"].posterior(SYMBOL).logits) / q
    theory = float(jnp.sum(q * (ratio - 1) ** 2) / 2)
    assert abs(8 * gaps[8] / theory - 1) < 0.02
    assert abs(8 * gaps[8] / theory - 1) < abs(gaps[1] / theory - 1)


def test_any_bound_is_exact_at_the_posterior():
    perfect = {**TABLE, "encoder": TABLE["encoder"].at[2].set(TABLE["decoder"].posterior(SYMBOL).logits)}
    for k in (1, 3):
        np.testing.assert_allclose(
            exact.table_iwae(perfect, SYMBOL, num_samples=k), TABLE["decoder"].log_px(SYMBOL), rtol=1e-5
        )
