"""Hierarchies: chains with known answers, the ladder's merge, the layers' parts, and what cannot be."""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import pytest
import scipy.stats
from scipy.special import logsumexp

from tests.models import drawn
from tests.test_objectives import assert_mean, draws
from vaex import evaluate, objectives
from vaex.config import override
from vaex.config.root import ROOT
from vaex.config.section import call
from vaex.config.setup import setup
from vaex.distributions.chain import Chain, Link
from vaex.errors import UsageError
from vaex.model import Model
from vaex.models import Source
from vaex.models.exact import LinearGaussian
from vaex.models.hierarchy import bottom_up, top_down
from vaex.models.ladder import precision_weighted
from vaex.models.posteriors import diagonal_normal
from vaex.models.priors import standard_normal
from vaex.networks import MLP
from vaex.objectives import Context, batch_loss
from vaex.runs.experiments import load_experiment

RNG = np.random.default_rng(0)
KEY = jax.random.key(0)
X = jnp.asarray(RNG.normal(size=4), jnp.float32)
# z_2 in 2 dimensions, z_1 in 3, x in 4: every conditional affine and Gaussian.
TOP = LinearGaussian(*(jnp.asarray(RNG.normal(size=s), jnp.float32) for s in ((3, 2), 3)), jnp.array([0.5, 0.8, 0.3]))
BOTTOM = LinearGaussian(*(jnp.asarray(RNG.normal(size=s), jnp.float32) for s in ((4, 3), 4)), jnp.array([0.6]))


def affine(params, z):
    """N(W z + b, L L^T)."""
    return dist.MultivariateNormal(params["weight"] @ z + params["bias"], scale_tril=jnp.tril(params["tril"]))


def condition(weight, mean, noise_var, prior_mean, prior_cov):
    """The posterior of z ~ N(prior_mean, prior_cov) given x ~ N(W z + mean, diag(noise_var)), affine in x."""
    gain = prior_cov @ weight.T @ np.linalg.inv(weight @ prior_cov @ weight.T + np.diag(noise_var))
    cov = prior_cov - gain @ weight @ prior_cov
    bias = prior_mean - gain @ (weight @ prior_mean + mean)
    known = {"weight": gain, "bias": bias, "tril": np.linalg.cholesky((cov + cov.T) / 2)}
    return {name: a.astype(np.float32) for name, a in known.items()}


def marginal(generator, prior_mean, prior_cov):
    """Mean and covariance of W z + mean + noise."""
    weight = np.asarray(generator.weight, np.float64)
    noise = np.broadcast_to(generator.noise_var, len(weight))
    return weight @ prior_mean + generator.mean, weight @ prior_cov @ weight.T + np.diag(noise)


MIDDLE = marginal(TOP, np.zeros(2), np.eye(2))  # of z_1
LOG_PX = scipy.stats.multivariate_normal.logpdf(np.asarray(X), *marginal(BOTTOM, *MIDDLE))
EXACT = {
    "encoder": condition(*map(np.asarray, BOTTOM[:2]), np.full(4, 0.6), *MIDDLE),
    "posterior": condition(*map(np.asarray, TOP), np.zeros(2), np.eye(2)),
    "decoder": {"top": TOP, "bottom": BOTTOM},
}
WRONG = {**EXACT, **{k: jax.tree.map(lambda a: 1.15 * a, EXACT[k]) for k in ("encoder", "posterior")}}


def bind(params):
    """A linear-Gaussian chain of two layers, with a bottom-up posterior."""
    top, bottom = params["decoder"]["top"], params["decoder"]["bottom"]
    down = (Link(lambda params, state: state), Link(lambda params, z: params.decode(z)))
    up = (Link(affine), Link(affine))
    return Model(
        prior=Chain(down, ({}, top), top.prior(), top_down=True),
        encode=lambda x: Chain(up, (params["encoder"], params["posterior"]), x, top_down=False),
        decode=lambda z: bottom.decode(z[0]),
    )


ESTIMATORS = {
    "elbo": functools.partial(objectives.elbo, kl="sampled", num_samples=3),
    "iwae": functools.partial(objectives.iwae, num_samples=3),
    "stl": functools.partial(objectives.stl, num_samples=3),
    "dreg": functools.partial(objectives.dreg, num_samples=3),
}


@jax.jit
def log_weights(params):
    """1,000 keys of 400 draws each."""
    model = bind(params)

    def one(key):
        return objectives.sample_weights(key, model, X, model.encode(X), 400).log_w

    return jax.vmap(one)(jax.random.split(KEY, 1000))


def test_with_the_chain_s_exact_posterior_every_weight_is_log_px():
    np.testing.assert_allclose(log_weights(EXACT), LOG_PX, rtol=1e-4)


def test_the_bounds_of_a_wrong_chain_approach_log_px():
    """E[exp(L_20)] = p(x) within 5 standard errors of 20,000; E[L_400] + Jensen's gap = log p(x) within 5 of 1,000."""
    log_w = np.asarray(log_weights(WRONG), np.float64)
    l_20, l_400 = (logsumexp(log_w.reshape(-1, k), axis=1) - np.log(k) for k in (20, 400))
    assert_mean(np.exp(l_20 - float(LOG_PX)), 1.0)
    gap = l_400.var() / 2  # to first order
    assert abs(l_400.mean() + gap - LOG_PX) < 5 * l_400.std() / np.sqrt(1000)
    assert log_w.mean() < l_20.mean() - 0.1 < l_400.mean()


def gradients_of(bind, x):
    """A function of parameters: 4,000 gradients by each estimator, all from other keys."""

    @jax.jit
    def gradients(params):
        def one(key):
            keys = jax.random.split(key, len(ESTIMATORS))
            return {
                name: jax.grad(lambda p, f=f, k=k: f(k, bind(p), x).objective)(params)
                for k, (name, f) in zip(keys, ESTIMATORS.items(), strict=True)
            }

        return jax.vmap(one)(jax.random.split(KEY, 4000))

    return lambda params: jax.tree.map(np.asarray, gradients(params))


def assert_same_means(found):
    """Of stl those of elbo, of dreg those of iwae: each component within 5 standard errors of 4,000 gradients."""
    for low, plain in (("stl", "elbo"), ("dreg", "iwae")):
        for a, b in zip(jax.tree.leaves(found[low]), jax.tree.leaves(found[plain]), strict=True):
            error = np.sqrt((a.var(axis=0) + b.var(axis=0)) / 4000)
            assert (np.abs(a.mean(axis=0) - b.mean(axis=0)) <= 5 * error + 1e-5).all(), (low, plain)


def test_gradients_of_a_chain():
    """The means agree where q is wrong; where it is exact, stl and dreg give it none for any draw."""
    gradients = gradients_of(bind, X)
    assert_same_means(gradients(WRONG))

    def largest(name):
        sides = [exact[name][side] for side in ("encoder", "posterior")]
        return np.max([np.abs(a).reshape(4000, -1).max(axis=1) for a in jax.tree.leaves(sides)], axis=0)

    exact = gradients(EXACT)
    assert max(largest("stl").max(), largest("dreg").max()) < 0.02 * np.median(largest("elbo"))


def test_gradients_of_a_ladder():
    """Whose posterior shares parameters with the generator."""
    vae = built("ladder", (2, 2))
    found = gradients_of(vae.bind, BITS)(jax.tree.map(lambda a: np.asarray(a) + np.float32(0.1), drawn(vae.init)))
    assert_same_means(found)
    assert all((a != 0).any() for a in jax.tree.leaves(found["dreg"]))


BITS = jnp.asarray(RNG.integers(0, 2, (2, 3, 1)), jnp.float32)


def configured(*flags):
    return override(load_experiment("digits"), [f"--config.model.{flag}" for flag in flags])


def built(kind, dims):
    """A model of tiny images by its config."""
    between = ((4,),) * (len(dims) - 1)
    flags = [f"name={kind}", f"latent_dims={dims}", f"between_hidden={between}"]
    config = configured(*flags, "encoder_hidden=(5,)", "decoder_hidden=(5,)")
    return call(ROOT, config).model(Source((2, 3, 1), np.full((9, 2, 3, 1), 100, np.uint8)))


def test_two_layers_whose_upper_one_is_ignored_are_one_layer():
    """p(z_1|z_2) = N(0, I) and q(z_2|z_1) = p(z_2): the same weight for every draw."""
    two = built("hierarchy", (3, 2))
    params = drawn(two.init)
    zeros = functools.partial(jax.tree.map, np.zeros_like)
    params |= {"posterior": zeros(params["posterior"]), "prior": zeros(params["prior"])}
    model, one = two.bind(params), built("hierarchy", (3,))
    single = one.bind({**drawn(one.init), **{k: params[k] for k in ("encoder", "decoder")}})

    @jax.jit
    def weights():
        q = model.encode(BITS)
        z = q.sample(KEY, (50,))
        lowest = objectives.log_weights(single, BITS, single.encode(BITS), z[:1])
        return objectives.log_weights(model, BITS, q, z).log_w, lowest.log_w

    np.testing.assert_allclose(*weights(), rtol=1e-4)


@pytest.mark.parametrize(("num_layers", "names"), [(1, ["elbo", "dreg"]), (2, ["iwae", "stl"]), (3, [*ESTIMATORS])])
def test_any_number_of_layers_takes_a_step(num_layers, names):
    """Each objective's gradient reaches every parameter, and a small step lowers the loss of the same draws.

    No objective knows how many layers there are: each meets the most, and another number.
    """
    vae = built("hierarchy", (3, 2, 4)[:num_layers])
    batch = jnp.stack([BITS, 1 - BITS])
    context = Context(jnp.zeros((), jnp.int32), jnp.zeros(()))
    losses = [batch_loss(ESTIMATORS[name]) for name in names]

    @jax.jit
    def value_and_gradient(params):
        return [jax.value_and_grad(lambda p, f=f: f(KEY, vae.bind(p), batch, context)[0])(params) for f in losses]

    params = jax.tree.map(np.asarray, drawn(vae.init))
    for i, (before, gradient) in enumerate(jax.tree.map(np.asarray, value_and_gradient(params))):
        assert all(np.abs(leaf).max() > 0 for leaf in jax.tree.leaves(gradient))
        after, _ = value_and_gradient(jax.tree.map(lambda p, g: p - np.float32(1e-3) * g, params, gradient))[i]
        assert after < before


@pytest.mark.parametrize("kind", ["hierarchy", "ladder"])
def test_the_layers_parts_sum_to_the_whole(kind):
    model = (vae := built(kind, (3, 2))).bind(drawn(vae.init))

    @jax.jit
    def parts():
        q = model.encode(BITS)
        z, log_q = q.sample_and_log_prob(KEY, (7,))
        whole = objectives.elbo(KEY, model, BITS, num_samples=7).kl, evaluate.elbo(KEY, model, BITS).kl
        layers = [evaluate.kl_per_layer(KEY, model, BITS, num_samples=n) for n in (7, 1)]
        return z, (log_q, jax.vmap(q.log_prob)(z)), whole, layers

    z, log_q, kls, layers = parts()
    assert [a.shape for a in z] == [(7, 3), (7, 2)]
    np.testing.assert_allclose(*log_q, rtol=1e-5)
    np.testing.assert_allclose(kls, [one.sum() for one in layers], rtol=1e-5)


def test_a_ladder_s_layers_are_divergences():
    """Each layer's mean over 4,000 draws is that of the log-densities' difference, within 5 standard errors."""
    model = (vae := built("ladder", (3, 2))).bind(drawn(vae.init))

    def both(key):
        q, p = model.encode(BITS), model.prior
        z = q.sample(key)
        closed = evaluate.kl_per_layer(jax.random.fold_in(key, 1), model, BITS)
        return closed, q.log_prob_per_layer(z) - p.log_prob_per_layer(z)

    closed, sampled = map(np.asarray, draws(both))
    for layer in range(2):
        assert_mean(sampled[:, layer] - closed[:, layer], 0.0)
    assert (closed > 0).all()
    assert np.ptp(closed[:, 1]) < 1e-5  # nothing is drawn above it
    assert closed[:, 0].std() < sampled[:, 0].std() / 3


def chain_of(rng):
    """A random chain z_2 -> z_1 of affine normal conditionals, and the mean and covariance of (z_2, z_1)."""
    tril = lambda n: np.tril(rng.normal(size=(n, n))) + 2 * np.eye(n)
    above = {"weight": np.zeros((2, 1)), "bias": rng.normal(size=2), "tril": tril(2)}
    below = {"weight": rng.normal(size=(3, 2)), "bias": rng.normal(size=3), "tril": tril(3)}
    cov_2, w = above["tril"] @ above["tril"].T, below["weight"]
    cov_1 = w @ cov_2 @ w.T + below["tril"] @ below["tril"].T
    mean = np.concatenate([above["bias"], w @ above["bias"] + below["bias"]])
    params = tuple({name: np.float32(a) for name, a in one.items()} for one in (above, below))
    return (
        Chain((Link(affine),) * 2, params, jnp.zeros(1), True),
        mean,
        np.block([[cov_2, cov_2 @ w.T], [w @ cov_2, cov_1]]),
    )


@pytest.mark.exact
def test_divergences_given_the_draws_average_to_that_of_the_joint_normals():
    """Value and gradient of the KL over 4,000 draws, within 5 standard errors; and free bits are of its layers."""
    (q, q_mean, q_cov), (p, p_mean, p_cov) = (chain_of(np.random.default_rng(seed)) for seed in (1, 2))

    def exact(shift):
        moved = np.concatenate([np.ones(2), q.params[1]["weight"].sum(axis=1)])  # z_1 with z_2
        off, inverse = p_mean - q_mean - shift * moved, np.linalg.inv(p_cov)
        both = np.trace(inverse @ q_cov) - 5 + np.linalg.slogdet(p_cov)[1] - np.linalg.slogdet(q_cov)[1]
        return (both + off @ inverse @ off) / 2

    def terms(key, shift, objective=objectives.elbo, **options):
        above = q.params[0] | {"bias": q.params[0]["bias"] + shift}
        model = Model(p, lambda x: dataclasses.replace(q, params=(above, q.params[1])), lambda z: BOTTOM.decode(z[0]))
        return objective(key, model, X, **options)

    def both(key):
        value, gradient = jax.value_and_grad(lambda shift: terms(key, shift).kl)(0.0)
        free = [terms(key, 0.0, objectives.free_bits, nats=nats).objective for nats in (0.0, 50.0)]
        return value, gradient, terms(key, 0.0).log_px_z, free

    value, gradient, log_px_z, free = draws(both)
    assert_mean(value, exact(0.0))
    assert_mean(gradient, jax.grad(exact)(0.0))
    np.testing.assert_allclose(free[0], log_px_z - value, rtol=1e-4)
    np.testing.assert_allclose(free[1], log_px_z - 100, rtol=1e-4)  # two layers


@jax.jit
def merged(raws):
    """Means and deviations of the merge of two."""
    base = precision_weighted(*(diagonal_normal().apply({}, raw) for raw in raws)).base_dist
    return jnp.concatenate([base.loc, base.scale])


def test_the_merge_is_the_product_of_two_gaussians():
    """Mean and deviation of the product of scipy's densities, by sums over a grid."""
    raws = np.array([[0.5, -2.0, 0.3, -1.0], [1.5, 1.0, -0.7, 0.4]], np.float32)
    found = merged(raws)
    grid = np.linspace(-12, 12, 20_001)
    for j in range(2):
        density = np.prod([scipy.stats.norm(raw[j], np.exp(raw[2 + j] / 2)).pdf(grid) for raw in raws], axis=0)
        mean = (grid * density).sum() / density.sum()
        deviation = np.sqrt(((grid - mean) ** 2 * density).sum() / density.sum())
        np.testing.assert_allclose([found[j], found[2 + j]], [mean, deviation], rtol=1e-4)


def test_the_merge_of_very_unequal_gaussians_is_the_narrower():
    """Log-variances of +-30 are as they are; those of +-50 are bounded."""
    raws = np.array([[1.0, 30.0], [2.0, -30.0]], np.float32)
    slopes = jax.jit(jax.jacobian(merged))
    for pair in (raws, raws[::-1]):
        np.testing.assert_allclose(merged(pair), [2.0, np.exp(-15)], rtol=1e-5)
        assert np.isfinite(slopes(pair)).all()
        assert np.isfinite(slopes(pair * np.array([1.0, 5 / 3], np.float32))).all()


@pytest.mark.parametrize(
    ("num_networks", "dims", "message"),
    [(1, (3, 0), r"dims is \(3, 0\): expected"), (1, (2, 2, 2), "found 1 networks: expected 2, one between each two")],
)
def test_layers_that_cannot_be(num_networks, dims, message):
    networks = [MLP((), (2 * dims[0],))] * num_networks
    with pytest.raises(UsageError, match=message):
        top_down(standard_normal(1), networks, dims)
    with pytest.raises(UsageError, match=message):
        bottom_up(networks, dims)


def test_posterior_means_of_layers():
    """The lowest layer's is exact; the upper one's within 5 standard errors of 4,000 draws of the average of 100."""
    gain = WRONG["encoder"]["weight"] @ np.asarray(X) + WRONG["encoder"]["bias"]
    means = [np.asarray(a) for a in draws(lambda k: evaluate.posterior_mean(k, bind(WRONG).encode(X)))]
    np.testing.assert_allclose(means[0], np.tile(gain, (4000, 1)), rtol=1e-4)
    upper = WRONG["posterior"]["weight"] @ gain + WRONG["posterior"]["bias"]
    for j in range(2):
        assert_mean(means[1][:, j], upper[j])


def test_an_unused_upper_layer_is_inactive():
    vae = built("hierarchy", (3, 2))
    params = drawn(vae.init)
    params |= {"posterior": jax.tree.map(np.zeros_like, params["posterior"])}

    @jax.jit
    def active(x):
        mean = jax.vmap(lambda k, one: evaluate.posterior_mean(k, vae.bind(params).encode(one)))
        return [evaluate.active_units(means) for means in mean(jax.random.split(KEY, 200), x)]

    lower, upper = map(np.asarray, active(np.random.default_rng(1).integers(0, 2, (200, 2, 3, 1)).astype(np.float32)))
    assert lower.any()
    assert not upper.any()


LAYERED = ["name=hierarchy", "latent_dims=(3,2)", "between_hidden=((4,),)"]


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["latent_dims=(3,0)"], "model.latent_dims is (3, 0): expected whole numbers of at least 1"),
        (["latent_dims=()"], "model.latent_dims is (): expected the size of each layer"),
        (["between_hidden=()"], "model.between_hidden is (): expected 1 tuples of widths"),
        (["between_hidden=(4,)"], "model.between_hidden is (4,): expected 1 tuples of widths"),
        (["between_hidden=((4,0),)"], "model.between_hidden is ((4, 0),): expected whole numbers of at least 1"),
        (["prior.name=mixture"], "model 'hierarchy' has no prior, which is of vae, m2"),
        (["latent_dim=4"], "model 'hierarchy' has no latent_dim, which is of vae, "),
        (
            ["name=vae"],
            "model 'vae' has no latent_dims, which is of hierarchy, ladder: set",
        ),
    ],
)
def test_what_cannot_be(flags, message):
    with pytest.raises(UsageError) as error:
        setup(configured(*LAYERED, *flags))
    assert message in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("info", "found a z of several arrays"),
        ("total_correlation", "Chain does not factorize"),
        ("free_bits", "found Chain"),
        ("capacity", "no closed-form KL is known between Chain and Chain"),
        ("enumerate", "Chain"),
    ],
)
def test_objectives_that_need_one_vector_say_so(name, message):
    with pytest.raises(UsageError, match=message):
        setup(override(configured(*LAYERED), [f"--config.objective.name={name}"]))


def test_a_run_reports_its_layers(tmp_path, few_pictures):
    """Results, metrics, figures and samples of a run with two layers."""
    import json

    from vaex.__main__ import main

    flags = [f"--config.model.{flag}" for flag in (*LAYERED[1:], "name=ladder", "encoder_hidden=8,")]
    few_pictures("reconstructions", "samples", "manifold", "latent", "interpolations")  # all that do not move
    flags += ["--config.objective.name=stl", "--config.train.num_epochs=2", "--config.evaluate.num_samples=2"]
    assert main(["train", "digits", "--runs", str(tmp_path), *flags]) == 0
    run = tmp_path / "latest"
    results = json.loads((run / "results.json").read_text())
    assert len(results["kl_per_layer"]) == 2
    assert results["active_units_per_layer"][1].endswith("of 2")
    row = json.loads((run / "metrics.jsonl").read_text().splitlines()[-1])
    np.testing.assert_allclose(sum(row["validation_kl_per_layer"]), row["validation_kl"], rtol=1e-4)
    assert sum(row["validation_active_units_per_layer"]) == row["validation_active_units"]
    assert {"kl_per_layer.png", "reconstructions.png", "samples.png"} <= {p.name for p in (run / "figures").iterdir()}
    assert main(["sample", str(run), "--num-samples", "5"]) == 0
    with np.load(run / "samples.npz") as drawn:
        assert (drawn["z_1"].shape, drawn["z_2"].shape) == ((5, 3), (5, 2))
