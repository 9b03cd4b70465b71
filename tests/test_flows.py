"""Flows: log-determinants, inverses and densities against autodiff and quadrature, and estimators through them."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import pytest
from flax import linen as nn

from tests.one_step import configured, one_step, start
from vaex import Model, objectives
from vaex.distributions import flows
from vaex.distributions.flows import Flow
from vaex.errors import UsageError
from vaex.evaluate.gradients import gradient_statistics
from vaex.models.posteriors import diagonal_normal, flow, full_normal

KEY = jax.random.key(0)
CONTEXT = 3


def alternating(step, d, num_flows=2):
    """Steps in both orders, with networks of two hidden layers."""
    sides = [i % 2 == 1 for i in range(num_flows)]
    return flows.chain([step(d, (5, 7), nn.tanh, context_dim=CONTEXT, reverse=reverse) for reverse in sides])


SPLINE = functools.partial(flows.coupling, elementwise=flows.rational_quadratic(4, bound=2.0))
BIJECTIONS = {
    "planar": lambda d: flows.planar(d, 3),
    "iaf": lambda d: alternating(flows.inverse_autoregressive, d),
    "affine_coupling": lambda d: alternating(functools.partial(flows.coupling, elementwise=flows.affine()), d),
    "spline_coupling": lambda d: alternating(SPLINE, d),
}


def context_dim(name, d):
    return 3 * (2 * d + 1) if name == "planar" else CONTEXT


def some(name, d, *, seed=0, noise=0.3):
    """A bijection with parameters away from where they start, and a context."""
    bijection, keys = BIJECTIONS[name](d), jax.random.split(jax.random.key(seed), 3)
    leaves, tree = jax.tree.flatten(bijection.init(keys[0]))
    noises = [noise * jax.random.normal(jax.random.fold_in(keys[1], i), a.shape) for i, a in enumerate(leaves)]
    params = tree.unflatten([a + b for a, b in zip(leaves, noises, strict=True)])
    return bijection, params, jax.random.normal(keys[2], (context_dim(name, d),))


def a_flow(name, d, **options):
    bijection, params, context = some(name, d, **options)
    return Flow(dist.Normal(jnp.linspace(-0.5, 0.5, d), 0.8).to_event(1), params, context, bijection)


@pytest.mark.parametrize("name", BIJECTIONS)
def test_log_determinants_and_inverses(name):
    """Against the Jacobian by autodiff, at 50 points in 5 dimensions, some of them in a spline's tails."""
    bijection, params, context = some(name, 5)
    forward, inverse = (functools.partial(f, params, context) for f in (bijection.forward, bijection.inverse))

    @jax.jit
    @jax.vmap
    def at(z):
        y, log_det = forward(z)
        jacobian, back = jax.jacfwd(lambda z: forward(z)[0])(z), jax.jacfwd(lambda y: inverse(y)[0])(y)
        return y, log_det, jacobian, back, *inverse(y)

    z = 1.5 * jax.random.normal(KEY, (50, 5))
    y, log_det, jacobian, back, found, found_log_det = at(z)
    assert np.abs(y - z).max() > 0.3
    np.testing.assert_allclose(log_det, np.linalg.slogdet(jacobian)[1], atol=1e-4)
    assert (np.linalg.slogdet(jacobian)[0] > 0).all()
    np.testing.assert_allclose(found, z, atol=1e-3)
    np.testing.assert_allclose(found_log_det, log_det, atol=1e-3)
    np.testing.assert_allclose(back @ jacobian, np.tile(np.eye(5), (50, 1, 1)), atol=5e-3)  # as autodiff sees it


@pytest.mark.parametrize("name", BIJECTIONS)
def test_densities(name):
    """Each draw's density is that of log_prob, and all of them integrate to 1 over a grid in 2 dimensions."""
    q = a_flow(name, 2, seed=1)

    @jax.jit
    def densities(q, grid):
        z, log_q = q.sample_and_log_prob(KEY, (3, 4))
        return z, q.sample(KEY, (3, 4)), log_q, q.log_prob(z), q.log_prob(grid)

    side = jnp.linspace(-8, 8, 401)
    z, again, log_q, log_prob, grid = densities(q, jnp.stack(jnp.meshgrid(side, side), axis=-1))
    assert z.shape == (3, 4, 2)
    np.testing.assert_array_equal(z, again)
    np.testing.assert_allclose(log_q, log_prob, atol=1e-3)
    np.testing.assert_allclose(np.exp(grid).sum() * (side[1] - side[0]) ** 2, 1, atol=5e-3)


@pytest.mark.parametrize("name", ["planar", "affine_coupling", "spline_coupling"])
def test_a_flow_starts_as_the_diagonal_posterior(name):
    """Planar steps where their context is zero, couplings wherever it is."""
    context = jnp.zeros(context_dim(name, 4)) if name == "planar" else jnp.arange(3.0)
    bijection = BIJECTIONS[name](4)
    assert_is_diagonal(flow(4, bijection), context)


def test_a_chain_of_no_steps_is_the_diagonal_posterior():
    assert_is_diagonal(flow(4, flows.chain([])), jnp.zeros(0))


def assert_is_diagonal(family, context):
    raw = jax.random.normal(KEY, (8,))
    q = family.apply(family.init(KEY), jnp.concatenate([raw, context]))
    expected = diagonal_normal().apply({}, raw)
    np.testing.assert_allclose(q.sample(KEY, (5,)), expected.sample(KEY, (5,)), atol=1e-5)
    z = jax.random.normal(jax.random.key(1), (5, 4))
    np.testing.assert_allclose(q.log_prob(z), expected.log_prob(z), rtol=1e-4)


def test_an_autoregressive_flow_starts_as_a_shrunken_diagonal_posterior():
    """Two steps whose gates are sigmoid(2) and whose shifts are 0."""
    family = flow(4, BIJECTIONS["iaf"](4))
    raw = jax.random.normal(KEY, (8 + CONTEXT,))
    q, gate = family.apply(family.init(KEY), raw), jax.nn.sigmoid(2.0) ** 2
    expected = dist.Normal(gate * raw[:4], gate * jnp.exp(raw[4:8] / 2)).to_event(1)
    np.testing.assert_allclose(q.log_prob(raw[:4]), expected.log_prob(raw[:4]), rtol=1e-4)


@pytest.mark.parametrize("reverse", [False, True])
def test_an_autoregressive_step_is_triangular(reverse):
    """Each dimension moves with all those before it, and with the context from the first on."""
    step = flows.inverse_autoregressive(4, (16,), nn.tanh, context_dim=2, reverse=reverse)
    params = jax.tree.map(lambda a: a + 0.1, step.init(KEY))
    jacobian = jax.jacfwd(lambda z: step.forward(params, jnp.ones(2), z)[0])(jnp.arange(4.0) / 4)
    np.testing.assert_array_equal(jacobian != 0, np.tri(4).T > 0 if reverse else np.tri(4) > 0)
    with_context = jax.jacfwd(lambda c: step.forward(params, c, jnp.arange(4.0) / 4)[0])(jnp.ones(2))
    assert (with_context != 0).all()


def test_planar_steps_are_invertible_whatever_their_context():
    """With u.w far below -1 as the network would have it: increasing along every line, and finite."""
    w = jnp.array([2.0, -1.0])
    context = jnp.tile(jnp.concatenate([-30 * w, w, jnp.zeros(1)]), 3)
    z = jnp.linspace(-3, 3, 2001)[:, None] * w
    y, log_det = jax.vmap(lambda z: flows.planar(2, 3).forward({}, context, z))(z)
    assert np.isfinite(log_det).all()
    assert (np.diff(y @ w) > -1e-6).all()  # a slope may be as small as 1e-9


def test_planar_steps_stay_invertible_where_their_vectors_are_long():
    """At |u| = |w| = 100 and more the margin of u.w above -1 is less than the rounding of their product."""
    raw = jax.random.normal(KEY, (200, 50))
    w = 200 * raw / jnp.linalg.norm(raw, axis=1, keepdims=True)
    context = jnp.concatenate([-w, w, jnp.zeros((200, 1))], axis=1)
    step = flows.planar(50, 1)
    for transform in (step.forward, step.inverse):
        assert np.isfinite(jax.vmap(lambda c, f=transform: f({}, c, jnp.zeros(50)))(context)[1]).all()


@pytest.mark.parametrize("num_bins", [1, 1000])
def test_a_number_of_bins_that_cannot_be(num_bins):
    with pytest.raises(UsageError, match=f"num_bins is {num_bins}: expected 2 to 999"):
        flows.rational_quadratic(num_bins)


def test_the_full_covariance_is_its_cholesky_factor():
    raw = jnp.array([0.5, -1.0, 0.2, 0.4, -0.6, 0.0, 0.7, -0.3, 0.9])  # mean, log_var, lower
    tril = np.array([[np.exp(0.2), 0, 0], [0.7, np.exp(-0.3), 0], [-0.3, 0.9, 1.0]])
    q = full_normal(3).apply({}, raw)
    np.testing.assert_allclose(q.covariance_matrix, tril @ tril.T, rtol=1e-5)
    p = dist.Normal(jnp.array([0.1, 0.2, -0.4]), jnp.array([1.0, 0.5, 2.0]))
    general = dist.MultivariateNormal(p.loc, jnp.diag(p.scale**2))
    found, expected = (dist.kl_divergence(q, other) for other in (p.to_event(1), general))
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def tiny(name):
    """A model of 3 pixels and 2 latents whose posterior is a flow of the one linear layer's output: params -> Model."""
    family = flow(2, BIJECTIONS[name](2))
    _, params, _ = some(name, 2, noise=0.2)
    weight = 0.3 * jax.random.normal(KEY, (4 + context_dim(name, 2), 3))

    def bind(params):
        return Model(
            prior=dist.Normal(jnp.zeros(2), 1.0).to_event(1),
            encode=lambda x: family.apply(params["posterior"], params["encoder"] @ x),
            decode=lambda z: dist.BernoulliLogits(params["decoder"] @ z).to_event(1),
        )

    return {"encoder": weight, "posterior": params, "decoder": jnp.ones((3, 2))}, bind


@pytest.mark.parametrize("name", BIJECTIONS)
def test_sticking_the_landing_is_unbiased_through_a_flow(name):
    """Its gradient less elbo's from the same draw has mean 0, each component within 5 standard errors of 4,000."""
    num_keys = 4000

    def difference(key, model, x):
        stl, elbo = objectives.stl(key, model, x), objectives.elbo(key, model, x, kl="sampled")
        return stl._replace(objective=stl.objective - elbo.objective)

    params, bind = tiny(name)
    x = jnp.array([1.0, 0.0, 1.0])
    found = gradient_statistics(difference, KEY, params, bind, x, num_keys=num_keys).leaves
    mean, variance = (np.concatenate([np.ravel(a) for a in jax.tree.leaves(t)]) for t in (found.mean, found.variance))
    assert (np.abs(mean) <= 5 * np.sqrt(variance / num_keys) + 1e-5).all()
    assert variance.max() > 1e-2  # the two do differ


FLAGS = {
    "planar": ["num_flows=1"],
    "iaf": ["num_flows=1", "hidden=(8,)", "context_dim=5"],
    "affine_coupling": ["num_flows=1", "hidden=(8,)"],
    "spline_coupling": ["num_flows=1", "hidden=(8,)", "num_bins=4"],
    "full": [],
}
PRIOR = [f"--config.model.prior.{flag}" for flag in ("name=flow", "num_flows=2", "hidden=(8,)")]


def of(name, *flags):
    return [f"--config.model.posterior.{flag}" for flag in (f"name={name}", *flags)]


def with_posterior(name, *flags):
    return configured("--config.model.latent_dim=3", *of(name, *FLAGS[name]), *flags)


@pytest.mark.parametrize(
    ("name", "objective"),
    [(name, objective) for name in FLAGS for objective in ("elbo", "iwae", "stl")],
)
def test_every_flow_trains(name, objective):
    """Its gradient reaches the encoder, and the flow's own parameters where it has any."""
    made = with_posterior(
        name,
        f"--config.objective.name={objective}",
        *(["--config.objective.kl=sampled"] if objective == "elbo" else []),
    )
    before = start(made).params
    state, metrics = one_step(made)
    assert np.isfinite(metrics["loss"])
    for side in ("encoder", "posterior"):
        moved = [
            np.abs(a - b).max() for a, b in zip(*map(jax.tree.leaves, (state.params[side], before[side])), strict=True)
        ]
        assert max(moved) > 1e-5 if moved else name in ("planar", "full"), side


def test_a_flow_prior_trains_and_samples():
    made = with_posterior("iaf", *PRIOR, "--config.objective.kl=sampled")
    before = start(made).params
    state, metrics = one_step(made)
    assert np.isfinite(metrics["loss"])
    moved = jax.tree.map(lambda a, b: np.abs(a - b).max(), state.params["prior"], before["prior"])
    assert max(jax.tree.leaves(moved)) > 1e-5
    prior = made.task.description.bind(state.params).prior
    z, log_p = prior.sample_and_log_prob(KEY, (5,))
    np.testing.assert_allclose(prior.log_prob(z), log_p, rtol=1e-4)


CAPACITY = "--config.objective.name=capacity"  # which needs the closed form of the KL


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ([*of("iaf", *FLAGS["iaf"]), CAPACITY], 'between Flow and Independent: use kl="sampled"'),
        ([*PRIOR, CAPACITY], 'between Independent and Flow: use kl="sampled"'),
        (of("iaf", "hidden=8,"), "model.posterior.num_flows is not set: expected a value: how many steps there are"),
        (of("planar", "num_flows=0"), "model.posterior.num_flows is 0: expected a whole number of at least 1"),
        (
            of("planar", "num_flows=1", "hidden=8,"),
            "posterior 'planar' has no hidden, which is of iaf, affine_coupling, spline_coupling: set",
        ),
        (
            of("iaf", *FLAGS["spline_coupling"]),
            "posterior 'iaf' has no num_bins, which is of spline_coupling: set --config.model.poste",
        ),
        (
            ["--config.model.posterior.num_flows=2"],
            "posterior 'diagonal' has no num_flows, which is of planar, iaf, aff",
        ),
        (
            [*of("affine_coupling", *FLAGS["affine_coupling"]), "--config.model.latent_dim=1"],
            "latent_dim is 1: a coupling flow splits z in two: expected at least 2",
        ),
        (
            of("iaf", "num_flows=1", "hidden=0,"),
            r"posterior.hidden is \(0,\): expected whole numbers of at",
        ),
        (of("iaf", "num_flows=1", "hidden=8,", "context_dim=0"), "posterior.context_dim is 0: expected a whole number"),
        (
            [*PRIOR, "--config.model.prior.num_flows=0"],
            "model.prior.num_flows is 0: expected a whole number",
        ),
    ],
)
def test_what_cannot_be_is_refused(flags, message):
    with pytest.raises(UsageError, match=message):
        configured(*flags)
