"""Conditional models against exact answers, limiting cases, and what reaches what."""

import dataclasses
import functools
import inspect

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import pytest

from tests.models import drawn, small_vae
from vaex import Model, evaluate, objectives
from vaex.data.conditions import averaged, lower_half, upper_half
from vaex.errors import UsageError
from vaex.evaluate.completion import Interpolation, bicubic, complete, fit_interpolation
from vaex.model import Conditional, Given, Observed, at
from vaex.models.description import Description, Source, describe
from vaex.models.posterior_table import diagonal
from vaex.models.prior_table import build_prior, conditional, standard
from vaex.networks import as_channels
from vaex.objectives import Context, batch_loss, log_weights

RNG = np.random.default_rng(0)
W, A, B, X = (jax.device_put(np.float32(RNG.normal(size=shape))) for shape in [(5, 2), (5, 3), (2, 3), (5,)])
SIGMA = 0.6
EXAMPLE = Given(X, jnp.array([0.5, -1.0, 2.0]))


def conditional_linear_gaussian(shift: float = 0.0) -> Conditional:
    """z|c ~ N(B c, I), x|z, c ~ N(W z + A c, sigma^2 I); q is the exact posterior, shifted."""
    cov = jnp.linalg.inv(jnp.eye(2) + W.T @ W / SIGMA**2)

    def given(c):
        mean = lambda x: cov @ (W.T @ (x - A @ c) / SIGMA**2 + B @ c)
        return Model(
            prior=dist.MultivariateNormal(B @ c, jnp.eye(2)),
            encode=lambda x: dist.MultivariateNormal(mean(x) + shift, cov),
            decode=lambda z: dist.Normal(W @ z + A @ c, SIGMA).to_event(1),
        )

    return Conditional(given)


def log_px_given(example: Given) -> jax.Array:
    """By the marginal of x given c, which is normal: no latent in it."""
    c = example.condition
    return dist.MultivariateNormal(W @ B @ c + A @ c, W @ W.T + SIGMA**2 * jnp.eye(5)).log_prob(example.x)


SOURCE = Source(x_shape=(6,), condition_shape=(3,))


def small(prior: str = "learned") -> Description:
    """small_vae with a condition of 3 numbers, and a p(z|c)."""
    named = functools.partial(conditional, hidden=(4,)) if prior == "learned" else standard
    p_z = build_prior(named, 2, SOURCE, diagonal(2))
    return describe(dataclasses.replace(small_vae(), prior=p_z), SOURCE)


def test_with_the_exact_posterior_every_weight_is_log_px_given():

    @jax.jit
    def compute():
        other = EXAMPLE._replace(condition=-EXAMPLE.condition)
        model, x = at(conditional_linear_gaussian(), EXAMPLE)
        q = model.encode(x)
        log_w = log_weights(model, x, q, q.sample(jax.random.key(0), (20,))).log_w
        return log_w, log_px_given(EXAMPLE), log_px_given(other)

    log_w, exact, of_other = map(np.asarray, compute())
    np.testing.assert_allclose(log_w, exact, rtol=1e-5)
    assert abs(of_other - exact) > 1  # or the condition would be no part of the test


def test_the_bounds_reach_log_px_given():
    """The ELBO's gap is KL(q || p(z|x, c)) exactly, and L_K closes it: within 5 standard errors of 400 repetitions."""

    @jax.jit
    def compute(key):
        model, x = at(conditional_linear_gaussian(shift=0.3), EXAMPLE)
        elbo = lambda k: objectives.elbo(k, model, x).elbo
        bound = lambda k: evaluate.log_likelihood(k, model, x, num_samples=1000, chunk_size=1000)
        gap = dist.kl_divergence(model.encode(x), at(conditional_linear_gaussian(), EXAMPLE)[0].encode(x))
        return jax.vmap(lambda k: (elbo(k), bound(k)))(jax.random.split(key, 400)), gap, log_px_given(EXAMPLE)

    (elbos, bounds), gap, log_px = jax.tree.map(np.asarray, compute(jax.random.key(1)))
    assert gap > 0.1
    for values, exact in ((elbos, log_px - gap), (bounds, log_px)):
        assert abs(values.mean() - exact) < 5 * values.std() / 20 + 2e-3  # L_1000 lies about Var(w) / 2000 below


def test_a_constant_condition_is_the_unconditional_model():
    """With the condition at zero, and the same parameters but for those that meet it: draw by draw."""
    plain, vae = small_vae(), small("fixed")
    params = drawn(vae.init)

    def without_condition(part, size):
        layers = params[part]["params"]
        first = {**layers["hidden_0"], "kernel": np.asarray(layers["hidden_0"]["kernel"])[:size]}
        return {"params": {**layers, "hidden_0": first}}

    same = {**params, "encoder": without_condition("encoder", 6), "decoder": without_condition("decoder", 2)}
    x, key = jnp.array([1.0, 0, 0, 1, 1, 0]), jax.random.key(4)
    zero = Given(x, jnp.zeros(3))

    @jax.jit
    def both():
        pairs = (plain.bind(same), x), at(vae.bind(params), zero)
        return [objectives.iwae(key, *pair, num_samples=5) for pair in pairs]

    expected, found = both()
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_the_condition_reaches_encoder_decoder_and_prior():
    vae = small()
    model = vae.bind(drawn(vae.init))
    x, z, c = jnp.ones(6), jnp.array([0.5, -0.5]), jnp.array([0.2, 0.7, -1.0])
    means = {
        "encoder": lambda c: model.given(c).encode(x).mean,
        "decoder": lambda c: model.given(c).decode(z).mean,
        "prior": lambda c: model.given(c).prior.mean,
    }
    compute = jax.jit(lambda c: {part: (jax.jacobian(mean)(c), mean(c), mean(-c)) for part, mean in means.items()})
    for part, (jacobian, one, other) in jax.tree.map(np.asarray, compute(c)).items():
        assert (np.abs(jacobian).max(axis=0) > 1e-4).all(), part
        assert np.abs(one - other).max() > 1e-3, part


def test_a_description_is_its_vae_at_each_condition():
    """Bound by hand it is the same, and without a condition it is a Model."""
    vae = dataclasses.replace(small_vae(), prior=build_prior(None, 2, SOURCE, diagonal(2)))
    described, c = describe(vae, SOURCE), jnp.ones(3)
    mean = lambda model: model.encode(jnp.ones(6)).mean

    @jax.jit
    def compute(key):
        inits = [vae.init(key, c), described.init(key)]
        return inits, [mean(vae.bind(inits[0], c)), mean(described.bind(inits[0]).given(c))]

    for pair in compute(jax.random.key(5)):
        jax.tree.map(np.testing.assert_array_equal, *pair)
    plain = describe(small_vae(), Source((6,)))
    assert isinstance(plain.bind(drawn(plain.init)), Model)


def test_a_batch_trains_every_part():
    vae = small()
    params = drawn(vae.init)
    batch = Given(jnp.eye(6), jax.device_put(np.float32(RNG.normal(size=(6, 3)))))
    context = Context(jnp.zeros((), jnp.int32), jnp.zeros(()))
    loss = batch_loss(objectives.elbo)
    gradients = jax.jit(jax.grad(lambda p: loss(jax.random.key(8), vae.bind(p), batch, context)[0]))(params)
    for part in ("prior", "encoder", "decoder"):
        assert all(np.abs(g).max() > 0 for g in jax.tree.leaves(gradients[part])), part


def test_what_does_not_fit_is_refused():
    vae = small()
    model = vae.bind(drawn(vae.init))
    with pytest.raises(UsageError, match=r"found a condition of shape \(4,\): expected \(3,\)"):
        model.given(jnp.zeros(4))
    with pytest.raises(UsageError, match="an example without condition: pass Given"):
        at(model, jnp.zeros(6))
    plain = small_vae()
    for without in (
        plain.bind(drawn(plain.init)),
        Observed(dist.Normal(jnp.zeros(6), 1.0).to_event(1)),
    ):
        assert at(without, plain) == (without, plain)
        with pytest.raises(UsageError, match="a condition for a model without one: pass Given"):
            at(without, Given(jnp.zeros(6), jnp.zeros(3)))


def test_an_objective_of_the_whole_batch_needs_one_prior():
    vae = small()
    model, batch = vae.bind(drawn(vae.init)), Given(jnp.zeros((4, 6)), jnp.zeros((4, 3)))
    context = Context(jnp.zeros((), jnp.int32), jnp.zeros(()))
    with pytest.raises(UsageError, match=r"found a p\(z\|c\)"):
        batch_loss(objectives.info, whole_batch=True)(jax.random.key(0), model, batch, context)


def test_conditions_as_channels():
    channels = jax.jit(lambda a, b: [as_channels(jnp.zeros((4, 4, 1)), c) for c in (a, b)])
    labelled, small = map(np.asarray, channels(np.float32([1, 2]), np.arange(4, dtype=np.float32).reshape(2, 2, 1)))
    assert labelled.shape == (4, 4, 3)
    np.testing.assert_array_equal(labelled[2, 3], [0, 1, 2])
    np.testing.assert_array_equal(small[..., 1], np.kron([[0, 1], [2, 3]], np.ones((2, 2))))


def test_parts_of_an_image():
    images = np.random.default_rng(0).normal(size=(3, 9, 8, 2)).astype(np.float32)
    np.testing.assert_array_equal(np.concatenate([upper_half(images), lower_half(images)], axis=1), images)
    averages = jax.jit(lambda images: (averaged(images, 4), averaged(jnp.full((8, 4, 1), 0.3), 4)))
    of_images, of_a_constant = map(np.asarray, averages(images[:, :8]))
    np.testing.assert_allclose(of_images[1, 1, 0], images[1, 4:8, :4].mean(axis=(0, 1)), rtol=1e-4)
    np.testing.assert_allclose(of_a_constant, 0.3, rtol=1e-6)


def test_psnr_and_interpolation():
    """A constant error of 0.1 is 20 dB; interpolation is Pillow's; a fitted Gaussian is the best of its family."""
    from PIL import Image

    low = np.random.default_rng(1).uniform(0.2, 0.8, (7, 7)).astype(np.float32)
    reference = np.asarray(Image.fromarray(low).resize((28, 28), Image.Resampling.BICUBIC))
    x = np.random.default_rng(2).uniform(size=(50, 8, 8, 1)).astype(np.float32)

    @jax.jit
    def compute(low, x):
        examples = Given(x, averaged(x, 4))
        fitted = fit_interpolation(examples)
        mean = lambda model: jax.vmap(model.log_prob)(examples).mean()
        best, gradient = jax.value_and_grad(mean)(fitted)
        wider = mean(Interpolation(fitted.offset, 1.1 * fitted.sigma))
        noise = evaluate.psnr(jnp.full((4, 4), 0.6), jnp.full((4, 4), 0.5))
        return noise, bicubic(low[..., None], (28, 28, 1))[..., 0], (best, wider), gradient

    noise, ours, (best, wider), gradient = jax.tree.map(np.asarray, compute(low, x))
    assert abs(noise - 20) < 1e-3
    with pytest.raises(UsageError, match=r"found uint8: expected values in \[0, 1\]; divide levels by 255"):
        inspect.unwrap(evaluate.psnr)(np.uint8([255]), np.uint8([0]))
    np.testing.assert_allclose(ours, np.clip(reference, 0, 1), atol=1e-5)
    assert max(np.abs(g).max() for g in gradient) < 1e-3
    assert best > wider


def test_structural_similarity_in_its_limits():
    """1 of an image with itself, of two levels what their means say, of an image and its negative below 0."""
    image = np.random.default_rng(0).uniform(size=(8, 12, 1)).astype(np.float32)
    ssim = jax.jit(evaluate.ssim)
    np.testing.assert_allclose(ssim(image, image), 1, rtol=1e-5)
    a, b, c = 0.2, 0.7, 0.01**2
    levels = ssim(*(np.full_like(image, level) for level in (a, b)))
    np.testing.assert_allclose(levels, (2 * a * b + c) / (a**2 + b**2 + c), rtol=1e-4)
    assert ssim(image, 1 - image) < 0


def test_completions_are_drawn_under_their_condition():
    """Of the linear-Gaussian model their mean is E[x|c], within 5 standard errors."""
    c = EXAMPLE.condition
    completed = jax.jit(lambda key: complete(key, conditional_linear_gaussian(), c, num_samples=4000))
    means = np.asarray(completed(jax.random.key(9)))
    error = 5 * means.std(axis=0) / np.sqrt(4000)
    w, a, b = map(np.asarray, (W, A, B))
    assert (np.abs(means.mean(axis=0) - (w @ b + a) @ np.asarray(c)) < error).all()
