"""Flows: log-determinants, inverses and densities against autodiff and quadrature, and estimators through them."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import pytest
import scipy.special
import scipy.stats
from flax import linen as nn

from tests.models import drawn
from tests.one_step import QUICK, SGD, configured, first_step, untried
from vaex import Model, objectives
from vaex.distributions import flows
from vaex.distributions.flows import Flow
from vaex.errors import UsageError
from vaex.models.posteriors import diagonal_normal, flow, full_normal
from vaex.train import train_step

KEY = jax.random.key(0)
CONTEXT = 3


def alternating(step, d, num_flows=2):
    """Steps in both orders, with networks of two hidden layers."""
    sides = [i % 2 == 1 for i in range(num_flows)]
    return flows.chain([step(d, (5, 7), nn.tanh, context_dim=CONTEXT, reverse=reverse) for reverse in sides])


AFFINE = functools.partial(flows.coupling, elementwise=flows.affine())
SPLINE = functools.partial(flows.coupling, elementwise=flows.rational_quadratic(4, bound=2.0))
BIJECTIONS = {
    "planar": lambda d: flows.planar(d, 3),
    "iaf": lambda d: alternating(flows.inverse_autoregressive, d),
    "affine_coupling": lambda d: alternating(AFFINE, d),
    "spline_coupling": lambda d: alternating(SPLINE, d),
}


def context_dim(name, d):
    return 3 * (2 * d + 1) if name == "planar" else CONTEXT


def some(bijection, num_context, seed=0):
    """Parameters away from where they start, and a context."""
    context = np.random.default_rng(seed).normal(size=num_context).astype(np.float32)
    return drawn(bijection.init, scale=0.4, seed=seed), context


@pytest.mark.parametrize("name", BIJECTIONS)
def test_log_determinants_and_inverses(name):
    """Against the Jacobian by autodiff, at 50 points in 5 dimensions, some of them in a spline's tails."""
    bijection = BIJECTIONS[name](5)

    @jax.jit
    @functools.partial(jax.vmap, in_axes=(None, None, 0))
    def at(params, context, z):
        def twice(f, z):
            out = f(params, context, z)
            return out[0], out

        jacobian, (y, log_det) = jax.jacfwd(functools.partial(twice, bijection.forward), has_aux=True)(z)
        back, (found, found_log_det) = jax.jacfwd(functools.partial(twice, bijection.inverse), has_aux=True)(y)
        return y, log_det, jacobian, back, found, found_log_det

    z = 1.5 * np.random.default_rng(1).normal(size=(50, 5)).astype(np.float32)
    y, log_det, jacobian, back, found, found_log_det = at(*some(bijection, context_dim(name, 5)), z)
    assert np.abs(y - z).max() > 0.3
    np.testing.assert_allclose(log_det, np.linalg.slogdet(jacobian)[1], atol=1e-4)
    assert (np.linalg.slogdet(jacobian)[0] > 0).all()
    np.testing.assert_allclose(found, z, atol=1e-3)
    np.testing.assert_allclose(found_log_det, log_det, atol=1e-3)
    np.testing.assert_allclose(back @ jacobian, np.tile(np.eye(5), (50, 1, 1)), atol=5e-3)  # as autodiff sees it


@pytest.mark.parametrize("name", BIJECTIONS)
def test_densities(name):
    """Each draw's density is that of log_prob, and all of them integrate to 1 over a grid in 2 dimensions."""
    bijection = BIJECTIONS[name](2)

    @jax.jit
    def densities(key, params, context, grid):
        q = Flow(dist.Normal(jnp.array([-0.5, 0.5]), 0.8).to_event(1), params, context, bijection)
        z, log_q = q.sample_and_log_prob(key, (3, 4))
        log_prob = q.log_prob(jnp.concatenate([z.reshape(12, 2), grid]))
        return z, q.sample(key, (3, 4)), log_q, log_prob[:12].reshape(3, 4), log_prob[12:]

    side = np.linspace(-8, 8, 321, dtype=np.float32)
    grid = np.stack(np.meshgrid(side, side), axis=-1).reshape(-1, 2)
    z, again, log_q, log_prob, grid = densities(KEY, *some(bijection, context_dim(name, 2), seed=1), grid)
    assert z.shape == (3, 4, 2)
    np.testing.assert_array_equal(z, again)
    np.testing.assert_allclose(log_q, log_prob, atol=1e-3)
    np.testing.assert_allclose(np.exp(grid).sum() * (side[1] - side[0]) ** 2, 1, atol=5e-3)


@pytest.mark.parametrize("name", ["planar", "affine_coupling", "spline_coupling"])
def test_a_flow_starts_as_the_diagonal_posterior(name):
    """Planar steps where their context is zero, couplings wherever it is."""
    context = np.zeros(context_dim(name, 4)) if name == "planar" else np.arange(3.0)
    assert_is_diagonal(flow(4, BIJECTIONS[name](4)), context)


def test_a_chain_of_no_steps_is_the_diagonal_posterior():
    assert_is_diagonal(flow(4, flows.chain([])), np.zeros(0))


RAW, POINTS = np.split(np.random.default_rng(2).normal(size=(7, 4)).astype(np.float32), [2])


def assert_is_diagonal(family, context):
    @jax.jit
    def compare(key, raw, points):
        q, expected = family.apply(family.init(key), raw), diagonal_normal().apply({}, raw[:8])
        return [(p.sample(key, (5,)), p.log_prob(points)) for p in (q, expected)]

    found, expected = compare(KEY, np.concatenate([RAW.ravel(), context]), POINTS)
    np.testing.assert_allclose(found[0], expected[0], atol=1e-5)
    np.testing.assert_allclose(found[1], expected[1], rtol=1e-4)


def test_an_autoregressive_flow_starts_as_a_shrunken_diagonal_posterior():
    """Two steps whose gates are sigmoid(2) and whose shifts are 0."""
    family = flow(4, BIJECTIONS["iaf"](4))
    found = jax.jit(lambda key, raw, z: family.apply(family.init(key), raw).log_prob(z))
    gate = scipy.special.expit(2.0) ** 2
    expected = scipy.stats.norm(gate * RAW[0], gate * np.exp(RAW[1] / 2)).logpdf(RAW[0]).sum()
    np.testing.assert_allclose(found(KEY, np.concatenate([RAW.ravel(), np.ones(CONTEXT)]), RAW[0]), expected, rtol=1e-4)


@pytest.mark.parametrize("reverse", [False, True])
def test_an_autoregressive_step_is_triangular(reverse):
    """Each dimension moves with all those before it, and with the context from the first on."""
    step = flows.inverse_autoregressive(4, (16,), nn.tanh, context_dim=2, reverse=reverse)
    params, context = some(step, 2)
    jacobians = jax.jit(jax.jacfwd(lambda context, z: step.forward(params, context, z)[0], argnums=(0, 1)))
    of_context, of_z = jacobians(context, np.arange(4, dtype=np.float32) / 4)
    np.testing.assert_array_equal(of_z != 0, np.tri(4).T > 0 if reverse else np.tri(4) > 0)
    assert (of_context != 0).all()


def test_planar_steps_are_invertible_whatever_their_context():
    """With u.w far below -1 as the network would have it: increasing along every line, and finite."""
    w = np.array([2.0, -1.0], np.float32)
    context = np.tile(np.concatenate([-30 * w, w, np.zeros(1, np.float32)]), 3)
    z = np.linspace(-3, 3, 2001, dtype=np.float32)[:, None] * w
    y, log_det = jax.jit(jax.vmap(functools.partial(flows.planar(2, 3).forward, {}), in_axes=(None, 0)))(context, z)
    assert np.isfinite(log_det).all()
    assert (np.diff(y @ w) > -1e-6).all()  # a slope may be as small as 1e-9


def test_planar_steps_stay_invertible_where_their_vectors_are_long():
    """At |u| = |w| = 100 and more the margin of u.w above -1 is less than the rounding of their product."""
    raw = np.random.default_rng(3).normal(size=(200, 50)).astype(np.float32)
    w = 200 * raw / np.linalg.norm(raw, axis=1, keepdims=True)
    context = np.concatenate([-w, w, np.zeros((200, 1), np.float32)], axis=1)
    step, zero = flows.planar(50, 1), jnp.zeros(50)
    both = jax.jit(jax.vmap(lambda c: [transform({}, c, zero)[1] for transform in (step.forward, step.inverse)]))
    assert np.isfinite(both(context)).all()


@pytest.mark.parametrize("wide", [False, True])
def test_a_steep_spline_comes_back(wide):
    """By knots drawn with a deviation of 5; in 32 bits a value in a flat bin is rounded, but has a slope."""
    with jax.enable_x64(wide):
        elementwise, rng = flows.rational_quadratic(8), np.random.default_rng(0)
        z = jnp.asarray(rng.uniform(-3, 3, 2000), float)
        theta = jnp.asarray(rng.normal(scale=5 if wide else 20, size=(23, 2000)), float)
        y, slope = elementwise.forward(theta, z)
        back, found = elementwise.inverse(theta, y)
        assert np.isfinite(found).all()
        if wide:
            np.testing.assert_allclose(back, z, atol=1e-7)
            np.testing.assert_allclose(found, slope, atol=1e-6)


@pytest.mark.parametrize("num_bins", [1, 1000])
def test_a_number_of_bins_that_cannot_be(num_bins):
    with pytest.raises(UsageError, match=f"num_bins is {num_bins}: expected a whole number from 2 to 999"):
        flows.rational_quadratic(num_bins)


def test_the_full_covariance_is_its_cholesky_factor():
    raw = np.array([0.5, -1.0, 0.2, 0.4, -0.6, 0.0, 0.7, -0.3, 0.9], np.float32)  # mean, log_var, lower
    tril = np.array([[np.exp(0.2), 0, 0], [0.7, np.exp(-0.3), 0], [-0.3, 0.9, 1.0]])
    loc, scale = np.array([0.1, 0.2, -0.4], np.float32), np.array([1.0, 0.5, 2.0], np.float32)

    @jax.jit
    def covariance_and_divergences(raw, loc, scale):
        q, p = full_normal(3).apply({}, raw), dist.Normal(loc, scale).to_event(1)
        general = dist.MultivariateNormal(loc, scale_tril=jnp.diag(scale))
        return q.covariance_matrix, dist.kl_divergence(q, p), dist.kl_divergence(q, general)

    covariance, found, expected = covariance_and_divergences(raw, loc, scale)
    np.testing.assert_allclose(covariance, tril @ tril.T, rtol=1e-5)
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def tiny(bijection, num_context):
    """A model of 3 pixels and 2 latents whose posterior is a flow of the one linear layer's output: params -> Model."""
    family, (params, _) = flow(2, bijection), some(bijection, 0)
    weight = 0.3 * np.random.default_rng(4).normal(size=(4 + num_context, 3)).astype(np.float32)

    def bind(params):
        return Model(
            prior=dist.Normal(jnp.zeros(2), 1.0).to_event(1),
            encode=lambda x: family.apply(params["posterior"], params["encoder"] @ x),
            decode=lambda z: dist.BernoulliLogits(params["decoder"] @ z).to_event(1),
        )

    return {"encoder": weight, "posterior": params, "decoder": np.ones((3, 2), np.float32)}, bind


@pytest.mark.parametrize("name", BIJECTIONS)
def test_sticking_the_landing_is_unbiased_through_a_flow(name):
    """Its gradient less elbo's from the same draw has mean 0, each component within 5 standard errors of 4,000."""
    # One step of a spline is enough, being slow to compile: that steps make a chain is the same for all.
    bijection = BIJECTIONS[name](2) if name != "spline_coupling" else alternating(SPLINE, 2, num_flows=1)
    params, bind = tiny(bijection, context_dim(name, 2))
    x = jnp.array([1.0, 0.0, 1.0])

    def difference(params, key):
        model = bind(params)
        stl, elbo = objectives.stl(key, model, x), objectives.elbo(key, model, x, kl="sampled")
        return stl.objective - elbo.objective

    gradients = jax.jit(lambda params, keys: jax.lax.map(lambda k: jax.grad(difference)(params, k), keys))
    found = [np.asarray(a).reshape(4000, -1) for a in jax.tree.leaves(gradients(params, jax.random.split(KEY, 4000)))]
    found = np.concatenate(found, axis=1)
    assert (np.abs(found.mean(axis=0)) <= 5 * found.std(axis=0) / np.sqrt(4000) + 1e-5).all()
    assert found.var(axis=0).max() > 1e-2  # the two do differ


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


# Either of the two objectives with every flow's density is in test_sticking_the_landing; here a config builds each.
TRAINED = {
    "planar": ["elbo"],
    "iaf": ["stl", "iwae"],
    "affine_coupling": ["elbo"],
    "spline_coupling": ["stl"],
    "full": ["elbo", "stl"],
}


@pytest.mark.parametrize("name", TRAINED)
def test_every_flow_trains(name):
    """By each objective: its gradient reaches the encoder, and the flow's own parameters where it has any."""
    flags = {"elbo": ["--config.objective.kl=sampled"]}
    with untried():
        made = [with_posterior(name, f"--config.objective.name={o}", *flags.get(o, []), *SGD) for o in TRAINED[name]]
    stored = jax.tree.map(lambda a: a[:16], made[0].task.stored)

    @functools.partial(jax.jit, compiler_options=QUICK)
    def steps(stored):
        start = made[0].init()
        ends = [train_step(start, one.task.key, stored, recipe=one.recipe) for one in made]
        return start.params, [(state.params, metrics["loss"]) for state, metrics in ends]

    before, ends = jax.tree.map(np.asarray, steps(stored))
    for objective, (after, loss) in zip(TRAINED[name], ends, strict=True):
        assert np.isfinite(loss)
        for side in ("encoder", "posterior"):
            pairs = zip(*map(jax.tree.leaves, (after[side], before[side])), strict=True)
            moved = [np.abs(a - b).max() for a, b in pairs]
            assert max(moved) > 1e-5 if moved else name in ("planar", "full"), (objective, side)


def test_a_flow_prior_trains_and_samples():
    made = configured("--config.model.latent_dim=3", *PRIOR, "--config.objective.kl=sampled", *SGD)
    start, state, metrics = first_step(made)
    before = start.params
    assert np.isfinite(metrics["loss"])
    moved = jax.tree.map(lambda a, b: np.abs(np.subtract(a, b)).max(), state.params["prior"], before["prior"])
    assert max(jax.tree.leaves(moved)) > 1e-5

    def draw(params):
        prior = made.task.description.bind(params).prior
        z, log_p = prior.sample_and_log_prob(KEY, (5,))
        return prior.log_prob(z), log_p

    again, log_p = jax.jit(draw)(state.params)
    np.testing.assert_allclose(again, log_p, rtol=1e-4)


CAPACITY = "--config.objective.name=capacity"  # which needs the closed form of the KL


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ([*of("iaf", *FLAGS["iaf"]), CAPACITY], 'between Flow and Independent: use kl="auto"'),
        ([*PRIOR, CAPACITY], 'between Independent and Flow: use kl="auto"'),
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
            "latent_dim is 1: expected at least 2, since a coupling flow splits z in two",
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


def test_two_coupling_steps_move_every_dimension():
    step = functools.partial(flows.coupling, elementwise=flows.affine())
    steps = flows.alternate(step, 4, 2, (5,), nn.tanh, context_dim=0)
    moved, _ = steps.forward(drawn(steps.init, scale=0.4, seed=0), jnp.zeros(0), jnp.arange(4.0))
    assert (moved != jnp.arange(4.0)).all()
