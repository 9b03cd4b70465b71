"""Deep top-down models, against exact and limiting cases."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import pytest
import scipy.stats

from tests.models import drawn
from tests.one_step import SGD, first_step, untried
from vaex import Model, evaluate
from vaex.config import override
from vaex.config.setup import setup
from vaex.models.likelihoods import bernoulli
from vaex.models.posteriors import starting_at
from vaex.models.top_down import NORMAL_MAP, TopDown
from vaex.objectives import log_weights, sample_weights
from vaex.runs.experiments import load_experiment

KEY = jax.random.key(0)
BERNOULLI = bernoulli()
DEEP = ["--config.model.name=deep", "--config.model.latent_dim=2"]


def top_down(shape, channels, num_blocks):
    return TopDown(shape, shape, channels, num_blocks, 2, BERNOULLI, jnp.tanh)


VAE = top_down((5, 6, 1), (4, 6), (1, 1))
PARAMS = drawn(VAE.init)  # their priors are not N(0, I), as at the start


def image(shape=(5, 6, 1)):
    return jnp.asarray(np.random.default_rng(3).integers(0, 2, shape), jnp.float32)


def test_one_pass_gives_what_each_distribution_says_of_the_same_draws():
    """Log-weights of one walk are those of sample, log_prob and decode apart; and those of the layers sum to them."""
    params = PARAMS

    @jax.jit
    def compare(params, x):
        model = VAE.bind(params)
        q = model.encode(x)
        z, log_q = q.sample_and_log_prob(KEY, (3,))
        apart = log_weights(model, x, q, z)
        layers = jax.vmap(lambda one: q.log_prob_per_layer(one) - model.prior.log_prob_per_layer(one))(z)
        kl = evaluate.kl_per_layer(KEY, model, x, num_samples=3)
        return (
            sample_weights(KEY, model, x, q, 3),
            apart,
            log_q,
            layers,
            kl,
            evaluate.elbo(KEY, model, x, num_samples=3),
            sample_weights(KEY, model._replace(weigh=None), x, q, 3),
            dist.kl_divergence(*(chain.links[0].given(chain.params[0], chain.state) for chain in (q, model.prior))),
        )

    once, apart, log_q, layers, kl, terms, by_chains, kl_of_the_top = compare(params, image())
    for a, b in zip(once[:3], apart[:3], strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(log_q, apart.log_qz, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(layers.sum(axis=1), apart.log_qz - apart.log_pz, rtol=1e-4, atol=1e-4)
    assert (np.abs(layers).max(axis=0) > 0.1).all()  # each layer says something
    np.testing.assert_allclose(kl.sum(), terms.kl, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(once.kls, by_chains.kls, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(once.kls[:, -1], np.repeat(kl_of_the_top, 3), rtol=1e-4)  # z_L, drawn first


@pytest.mark.parametrize(("last", "is_shut"), [(jax.nn.relu, True), (None, False)])
def test_a_path_below_zero_is_shut_by_a_relu_before_the_image_alone(last, is_shut):
    """Where noise has driven it there, the image's gradient reaches nothing of the path, and all layers collapse."""
    vae = dataclasses.replace(VAE, activation=jax.nn.relu, head_activation=last)
    params = jax.tree.map(jnp.asarray, PARAMS)
    params["decoder"]["merge"][-1]["params"]["project"]["bias"] -= 20.0
    params["decoder"]["head"]["params"]["up"]["kernel"] *= 0.01  # no pixel is certain

    @jax.jit
    def gradient_of(params):
        z = vae.bind(params).prior.sample(KEY)
        return jax.grad(lambda params: vae.bind(params).decode(z).log_prob(image()))(params)

    gradient = gradient_of(params)
    of_path = gradient["decoder"]["merge"][-1]["params"]["project"]["kernel"]
    assert (jnp.abs(of_path).max() == 0) == is_shut


def test_probabilities_of_all_images_sum_to_one():
    """Of the 16 binary images of 2x2 pixels, by importance sampling: within 5 standard errors."""
    vae = top_down((2, 2, 1), (6,), (3,))
    params = drawn(vae.init)
    images = np.array([[int(b) for b in f"{i:04b}"] for i in range(16)], np.float32).reshape(16, 2, 2, 1)

    @jax.jit
    @jax.vmap
    def weights(key, x):
        model = vae.bind(params)
        return sample_weights(key, model, x, model.encode(x), 20_000).log_w

    w = np.exp(np.asarray(weights(jax.random.split(KEY, 16), images), np.float64))
    error = np.sqrt((w.var(axis=1) / w.shape[1]).sum())
    assert error < 0.02
    assert abs(w.mean(axis=1).sum() - 1) < 5 * error


def test_a_model_whose_later_layers_are_ignored_is_the_model_of_the_first_layer():
    """Draw by draw: priors and posteriors below z_L at N(0, I), and nothing of their draws taken up."""
    x = image()
    params = PARAMS

    def silenced(trees):
        return trees[0], *jax.tree.map(np.zeros_like, trees[1:])

    merge = params["decoder"]["merge"]
    kept = [
        {"params": {**m["params"], "project": jax.tree.map(np.zeros_like, m["params"]["project"])}} for m in merge[1:]
    ]
    params |= {"prior": silenced(params["prior"]), "posterior": silenced(params["posterior"])}
    params["decoder"] = params["decoder"] | {"merge": (merge[0], *kept)}

    def one_layer(params):
        deep = VAE.bind(params)
        rest = (jnp.zeros(3 * 3 * 2),)  # z_1 at 3x3
        first, start = VAE.blocks[0], params["decoder"]["start"]

        def normal(raw):
            mean, log_var = jnp.split(raw, 2, axis=-1)
            return dist.Normal(mean.reshape(-1), jnp.exp(log_var.reshape(-1) / 2)).to_event(1)

        def encode(x):
            features = VAE._pyramid.apply(params["encoder"], x)[-1]
            return normal(first.posterior.apply(params["posterior"][0], jnp.concatenate([start, features], -1)))

        return Model(normal(first.prior.apply(params["prior"][0], start)), encode, lambda z: deep.decode((*rest, z)))

    @jax.jit
    def compare(params, x):
        deep, shallow = VAE.bind(params), one_layer(params)
        q = deep.encode(x)
        z = q.sample(KEY, (4,))
        return log_weights(deep, x, q, z).log_w, log_weights(shallow, x, shallow.encode(x), z[-1]).log_w

    deep, shallow = compare(params, x)
    np.testing.assert_allclose(deep, shallow, rtol=1e-4)
    assert np.std(deep) > 0.01


def test_it_starts_at_the_standard_normal_prior_and_at_the_mean_image():
    mean = np.random.default_rng(0).normal(size=(5, 6, 1)).astype(np.float32)
    vae = TopDown((5, 6, 1), (5, 6, 1), (4, 6), (1, 2), 2, bernoulli(), out_bias=lambda key, shape: jnp.asarray(mean))

    @jax.jit
    def start(key):
        model = vae.bind(vae.init(key))
        z = model.prior.sample(key)
        still = model.decode(jax.tree.map(jnp.zeros_like, z))
        return z, model.prior.log_prob_per_layer(z), still.base_dist.logits

    z, layers, logits = start(KEY)
    for layer, z_l in zip(layers, z, strict=True):
        np.testing.assert_allclose(layer, scipy.stats.norm.logpdf(z_l).sum(), rtol=1e-5)
    np.testing.assert_allclose(logits, mean, atol=1e-5)


def test_every_posterior_starts_at_sigma_times_what_it_is_at_one():
    """By the networks' same output: the means are the same."""
    tenth = starting_at(0.1, NORMAL_MAP, slice(2, None))

    @jax.jit
    def compare(params):
        wide, narrow = (vae.bind(params).encode(image()) for vae in (VAE, dataclasses.replace(VAE, posterior=tenth)))
        h, ratios = params["decoder"]["start"], []
        for i, link in enumerate(wide.links):
            one, other = (q.links[i].given(q.params[i], h).base_dist for q in (wide, narrow))
            ratios.append((other.scale / one.scale, other.loc - one.loc))
            h = link.then(wide.params[i], h, one.loc)
        return ratios

    ratios = compare(PARAMS)
    assert len(ratios) == 2
    for scale, difference in ratios:
        np.testing.assert_allclose(scale, 0.1, rtol=1e-5)
        assert not np.any(difference)


def test_sticking_the_landing_freezes_every_conditional():
    """The gradient of the frozen q's parameters is zero, that of its draws is not."""
    x = image()
    params = PARAMS

    def log_q(params, freeze):
        q = VAE.bind(params).encode(x)
        z = jax.lax.stop_gradient(q.sample(KEY))
        return (jax.lax.stop_gradient(q) if freeze else q).log_prob(z)

    gradients = jax.jit(lambda params: [jax.grad(log_q)(params, freeze) for freeze in (True, False)])
    frozen, free = jax.tree.map(np.asarray, gradients(params))
    assert all(not np.any(leaf) for leaf in jax.tree.leaves(frozen))
    assert any(np.any(leaf) for leaf in jax.tree.leaves(free["posterior"]))


def test_it_trains():
    """The gradient reaches every part, and a finite step is not skipped; of one layer, in test_conditions."""
    flags = [*DEEP, "--config.model.channels=(2,3)", "--config.model.num_blocks=(1,1)"]
    flags += ["--config.train.max_skipped=1", "--config.train.clip_norm=100.0", *SGD]
    with untried():
        made = setup(override(load_experiment("digits"), flags))
    before, state, metrics = first_step(made, 8)
    assert np.isfinite(metrics["elbo"])
    assert not metrics["skipped"]
    for part in ("prior", "encoder", "posterior", "decoder"):
        moved = jax.tree.map(lambda a, b: np.abs(np.subtract(a, b)).max(), state.params[part], before.params[part])
        assert max(jax.tree.leaves(moved)) > 1e-5, part


def test_prior_posterior_and_image_see_every_pixel_of_an_image_that_is_given():
    """By the gradients: also at resolutions at which one pixel stands for many."""
    vae = top_down((8, 6, 1), (4, 5), (1, 1))
    condition = jnp.asarray(np.random.default_rng(0).normal(size=(8, 6, 2)), jnp.float32)
    params, x = drawn(lambda key: vae.init(key, condition)), image((8, 6, 1))

    def parts(condition):
        model = vae.bind(params, condition)
        z = jax.tree.map(jnp.ones_like, jax.eval_shape(model.prior.sample, KEY))
        top = {"prior": model.prior, "posterior": model.encode(x)}
        first = {name: jnp.sum(p.links[0].given(p.params[0], p.state).mean ** 2) for name, p in top.items()}
        return first | {"image": jnp.sum(model.decode(z).mean ** 2)}

    for name, gradient in jax.jit(jax.jacrev(parts))(condition).items():
        assert np.abs(gradient).min() > 0, name
