"""Priors: mixtures against other implementations and their limits."""

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import pytest
import scipy.special
import scipy.stats

from tests.models import initial, small_vae
from tests.one_step import first_step, untried
from vaex import objectives
from vaex.config import override
from vaex.config.setup import setup
from vaex.distributions import DiagonalNormalMixture, UniformMixture
from vaex.errors import UsageError
from vaex.models import priors
from vaex.runs.experiments import load_experiment

KEY = jax.random.key(0)


def with_prior(prior):
    vae = small_vae()
    vae = type(vae)(**vars(vae) | {"prior": prior})
    return vae, initial(vae.init, KEY)


def test_a_learned_mixture_is_scipys():
    family = priors.normal_mixture(2, 3)
    rng = np.random.default_rng(0)
    params = {"logits": rng.normal(size=3), "mean": rng.normal(size=(3, 2)), "log_var": rng.normal(size=(3, 2))}
    z = rng.normal(size=2)
    log_w = scipy.special.log_softmax(params["logits"])
    log_p = scipy.stats.norm.logpdf(z, params["mean"], np.exp(params["log_var"] / 2)).sum(-1)
    ours = jax.jit(lambda params, z: family.apply(params, lambda x: None).log_prob(z))(params, z)
    np.testing.assert_allclose(ours, scipy.special.logsumexp(log_w + log_p), rtol=1e-5)


def test_a_learned_mixture_of_full_covariances_is_scipys():
    """Of whatever free parameters: exp of the diagonal's makes a covariance of them."""
    family, rng = priors.full_normal_mixture(2, 3), np.random.default_rng(0)
    params = {"logits": rng.normal(size=3), "mean": rng.normal(size=(3, 2)), "scale": rng.normal(size=(3, 3))}
    start = family.init(KEY)
    assert {name: start[name].shape for name in start} == {name: params[name].shape for name in params}
    z, log_w = rng.normal(size=2), scipy.special.log_softmax(params["logits"])
    tril = [[[np.exp(a), 0], [below, np.exp(b)]] for below, a, b in params["scale"]]
    covariance = np.matmul(tril, np.swapaxes(tril, 1, 2))
    each = [scipy.stats.multivariate_normal(params["mean"][k], covariance[k]) for k in range(3)]
    ours = jax.jit(lambda params, z: family.apply(params, lambda x: None).log_prob(z))(params, z)
    np.testing.assert_allclose(ours, scipy.special.logsumexp(log_w + [p.logpdf(z) for p in each]), rtol=1e-5)


def test_a_vamp_prior_is_the_mean_of_its_posteriors():
    pseudo_inputs = np.random.default_rng(0).uniform(size=(5, 6))
    vae, params = with_prior(priors.vamp(pseudo_inputs))
    z = jnp.array([0.3, -1.0])

    @jax.jit
    def compute(params):
        model = vae.bind(params)
        return model.prior.log_prob(z), [model.encode(jnp.asarray(u)).log_prob(z) for u in pseudo_inputs]

    found, one_by_one = compute(params)
    np.testing.assert_allclose(found, scipy.special.logsumexp(one_by_one) - np.log(5), rtol=1e-5)


def test_a_vamp_prior_of_one_pseudo_input_is_a_posterior():
    """At the pseudo-input itself the KL is zero, for every draw."""
    u = np.full((1, 6), 0.5)
    vae, params = with_prior(priors.vamp(u))
    elbo = lambda params: objectives.elbo(KEY, vae.bind(params), jnp.asarray(u[0]), kl="sampled", num_samples=7)
    terms = jax.jit(elbo)(params)
    np.testing.assert_allclose(terms.kl, 0.0, atol=1e-5)


def test_the_gradient_reaches_pseudo_inputs_and_encoder():
    vae, params = with_prior(priors.vamp(np.full((3, 6), 0.5)))

    def log_prior(params):
        return vae.bind(params).prior.log_prob(jnp.ones(2))

    gradient = jax.jit(jax.grad(log_prior))(params)
    for part in (gradient["prior"]["pseudo_inputs"], gradient["encoder"]):
        assert max(float(jnp.abs(leaf).max()) for leaf in jax.tree.leaves(part)) > 1e-6


MEAN, SCALE = np.array([-1.0, 0.5, 3.0]), np.array([0.3, 1.0, 0.1])
MIXTURES = [
    UniformMixture(jax.vmap(lambda m, s: dist.Normal(jnp.full(1, m), jnp.full(1, s)).to_event(1))(MEAN, SCALE)),
    DiagonalNormalMixture(jnp.zeros(3), jnp.asarray(MEAN)[:, None], 2 * jnp.log(jnp.asarray(SCALE))[:, None]),
]


def test_both_mixtures_have_the_same_density():
    z = jnp.array([0.3])
    np.testing.assert_allclose(*jax.jit(lambda z: [mixture.log_prob(z) for mixture in MIXTURES])(z), rtol=1e-5)


@pytest.mark.parametrize("log_var", [-20.0, -89.0])
def test_a_narrow_component_s_density_is_never_above_its_maximum(log_var):
    """Which rounding of the expanded squares would lift it to, and training would climb."""

    def log_prob(log_var, z):
        return DiagonalNormalMixture(jnp.zeros(1), jnp.ones((1, 50)), jnp.full((1, 50), log_var)).log_prob(z)

    z = 1 + np.exp(-10) * jax.random.normal(KEY, (500, 50))
    values, slopes = jax.jit(jax.vmap(jax.value_and_grad(log_prob), (None, 0)))(log_var, z)
    assert np.isfinite(slopes).all()
    assert (values <= 25 * (-max(log_var, -80) - np.log(2 * np.pi)) * (1 + 1e-6)).all()


@pytest.mark.parametrize("mixture", MIXTURES)
def test_draws_of_a_mixture_have_its_moments(mixture):
    """Mean and second moment of 20,000 draws within 5 standard errors; components in a batch made by vmap."""
    z = np.asarray(jax.jit(lambda: mixture.sample(KEY, (20_000,)))())[:, 0]
    second = MEAN**2 + SCALE**2
    assert abs(z.mean() - MEAN.mean()) < 5 * z.std() / np.sqrt(len(z))
    assert abs((z**2).mean() - second.mean()) < 5 * (z**2).std() / np.sqrt(len(z))


SAMPLED = "--config.objective.kl=sampled"


def configured(*flags):
    return setup(override(load_experiment("digits"), list(flags)))


def of(prior, num_components):
    return [f"--config.model.prior.name={prior}", f"--config.model.prior.num_components={num_components}"]


@pytest.mark.parametrize(
    ("prior", "more"), [("mixture", []), ("mixture", ["--config.model.prior.covariance=full"]), ("vamp", [])]
)
def test_learned_priors_train_from_a_config(prior, more):
    with untried():
        made = configured(*of(prior, 4), *more, SAMPLED)
    start, state, _ = first_step(made)
    moved = jax.tree.map(lambda a, b: np.abs(np.subtract(a, b)).max(), state.params["prior"], start.params["prior"])
    assert min(jax.tree.leaves(moved)) > 1e-5
    draws = jax.eval_shape(lambda params: made.task.description.bind(params).prior.sample(KEY, (7,)), state.params)
    assert draws.shape == (7, 8)


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--config.model.prior.num_components=5"], "section that is not set: set --config.model.prior.name first"),
        (
            ["--config.model.prior.name=standard", "--config.model.prior.num_components=5"],
            "prior 'standard' has no num_components, which is of mixture, vamp: set --config.model.prior.name as well",
        ),
        ([*of("vamp", 4), "--config.objective.name=capacity", "--config.objective.nats=3"], 'use kl="auto"'),
        ([*of("vamp", 100000), SAMPLED], "prior.num_components is 100000: expected at most 1518, the training images"),
        (
            [*of("mixture", 3), SAMPLED, "--config.model.prior.covariance=round"],
            "prior.covariance is 'round': expected one of diagonal, full",
        ),
        ([*of("mixture", 0), SAMPLED], "model.prior.num_components is 0: expected a whole number of at least 1"),
        (["--config.model.prior.name=uniform"], "over one-hot latents or a sphere, and z is neither"),
        ([*of("mixture", 3), SAMPLED, "--config.model.prior.fit_after=60"], "fit_after is 60 with train.num_epochs 60"),
    ],
)
def test_what_cannot_be_is_refused(flags, message):
    with pytest.raises(UsageError, match=message):
        configured(*flags)
