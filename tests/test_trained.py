"""A trained model's answers are those of the pure functions, about images in whatever form they come."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import vaex
from tests.models import drawn
from tests.one_step import QUICK
from vaex import evaluate
from vaex.config import override
from vaex.config.task import describe_run, kept_data
from vaex.data.given.kept import GivenImages
from vaex.distributions.masked import Masked
from vaex.errors import UsageError
from vaex.inference import imputation
from vaex.models.missing import partially_observed
from vaex.runs.experiments import load_experiment
from vaex.runs.trained import Trained

SMALL = [f"--config.model.{flag}" for flag in ("latent_dim=2", "network.encoder_hidden=4", "network.decoder_hidden=4")]
UINT8 = np.random.default_rng(0).integers(0, 256, (7, 8, 8, 1), np.uint8)
MASK = np.random.default_rng(1).random(UINT8.shape) < 0.5


def trained(*flags):
    """A model of digits, without its data or any training."""
    config = override(load_experiment("digits"), list(flags))
    description, kept = (f(config, (8, 8, 1), 10) for f in (describe_run, kept_data))
    return Trained(description, drawn(description.init), config, kept)


@pytest.fixture(scope="module")
def plain():
    return trained(*SMALL)


def keys_of(i, seed=0):
    """Those of the preprocessing and of the answer about image i."""
    return jax.random.split(jax.random.fold_in(jax.random.key(seed), i))


def test_a_run_that_is_loaded_unpacks_as_before_and_answers(saved_run):
    model = vaex.load(saved_run)
    description, params, config = model
    assert model[1] is params is model.params
    assert (description, config) == (model.description, model.config)
    mean, variance = model.encode(UINT8)
    assert mean.shape == variance.shape == (7, 2)
    assert "x_shape=(8, 8, 1)" in repr(model)
    assert np.isfinite(mean).all()


def test_each_answer_is_that_of_the_pure_function(plain):
    model, i = plain.bind(), 4

    @functools.partial(jax.jit, compiler_options=QUICK)
    def expected(images, mask):
        data_key, key = keys_of(i, seed=3)
        x = plain.kept.by.apply(data_key, images)
        masked = Masked(jnp.where(mask, x, 0.0), mask)
        return {
            "preprocess": x,
            "encode": evaluate.moments(key, model, x),
            "reconstruct": evaluate.reconstruction(key, model, x),
            "score": evaluate.estimate_log_likelihood(key, model, x, num_samples=5),
            "impute": imputation.single(key, partially_observed(model), masked, num_samples=5),
            "sample": evaluate.draw(jax.random.fold_in(jax.random.key(3), i), model, temperature=0.7),
        }

    wanted = expected(UINT8[i], MASK[i])
    found = {
        "preprocess": plain.preprocess(UINT8, seed=3),
        "encode": plain.encode(UINT8, seed=3),
        "reconstruct": plain.reconstruct(UINT8, seed=3),
        "score": plain.log_likelihood(UINT8, num_samples=5, seed=3),
        "impute": (filled := plain.impute(UINT8, MASK, num_samples=5, seed=3)),
        "sample": plain.sample(7, temperature=0.7, seed=3),
    }
    missing = ~MASK[i]
    np.testing.assert_allclose(filled[MASK], UINT8[MASK] / np.float32(255))
    wanted["impute"], found["impute"] = wanted["impute"][missing], found["impute"][:, missing]
    for name, one in wanted.items():
        mine = jax.tree.map(lambda a: a[i], found[name])
        jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6), mine, one)


def test_images_in_any_form_are_the_same_images(plain):
    """uint8, floats in [0, 1], without the axis of the channel, in chunks of 3, and one of them alone."""
    expected = plain.encode(UINT8)
    for images in (UINT8 / 255, (UINT8 / np.float32(255))[..., 0], jnp.asarray(UINT8), UINT8[..., 0].astype(np.int64)):
        jax.tree.map(np.testing.assert_array_equal, plain.encode(images), expected)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5), plain.encode(UINT8, chunk_size=3), expected)
    jax.tree.map(lambda a, b: np.testing.assert_array_equal(a, b[:1]), plain.encode(UINT8[:1]), expected)
    assert (plain.encode(UINT8, seed=1).mean != expected.mean).any()
    first, last = plain.interpolate(UINT8[0], UINT8[1], steps=3)[[0, -1]]
    both = plain.interpolate(UINT8[:1], UINT8[1:2], steps=3)
    np.testing.assert_array_equal(both[0, [0, -1]], [first, last])


def test_images_are_brought_to_the_size_that_a_run_brought_its_own_to():
    model = trained(*SMALL, "--config.data.image_size=8")
    large = UINT8.repeat(3, axis=1).repeat(3, axis=2)
    np.testing.assert_array_equal(model.encode(large).mean, model.encode(UINT8).mean)


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (UINT8[0], r"images have shape \(8, 8, 1\), that of one image: images\[None\] makes a batch"),
        (UINT8[0, ..., 0], r"shape \(8, 8\), that of one image"),
        (UINT8.repeat(3, -1)[0], r"shape \(8, 8, 3\), that of one image"),
        (
            UINT8[:, :7],
            r"shape \(7, 7, 8, 1\): expected \[N, 8, 8, 1\], as the model was trained on; resize them to 8 x",
        ),
        (UINT8.repeat(3, -1), r"shape \(7, 8, 8, 3\): expected .*; make them grey"),
        (UINT8[:0], "at least one image"),
        (UINT8 * 2.0, r"lie in \[0, \d+\]: expected \[0, 1\]"),
        (np.where(MASK, UINT8 / 255, np.nan), "values that are nan or infinite"),
        (UINT8.astype(str), "are of type"),
        ([[[1, 2], [3]]], "found rows of several lengths: expected one array"),
        (np.ma.masked_array(UINT8 / 255, MASK), r"found a masked array of numpy's, whose mask is not read: give it as"),
    ],
)
def test_images_of_another_shape_or_scale_are_refused_in_one_line(plain, images, message):
    with pytest.raises(UsageError, match=message) as caught:
        plain.encode(images)
    assert "\n" not in str(caught.value)


def test_what_else_cannot_be(plain):
    for call, message in {
        "no pixel is missing: give a mask too": lambda: plain.impute(UINT8),
        "the mask has shape": lambda: plain.impute(UINT8, MASK[:3]),
        "the mask is of type float64: expected truth values": lambda: plain.impute(UINT8, MASK * 0.5),
        "a has 2 images and b 1: expected as many": lambda: plain.interpolate(UINT8[:2], UINT8[:1]),
        "condition is 3, but this model has no labels": lambda: plain.sample(2, condition=3),
        "num_samples is 0": lambda: plain.sample(0),
        "seed is -1": lambda: plain.encode(UINT8, seed=-1),
        "no label among its latents: train one": lambda: plain.classify(UINT8),
    }.items():
        with pytest.raises(UsageError, match=call):
            message()


def test_a_condition_goes_with_the_images_and_with_the_draws():
    model = trained(*SMALL, "--config.data.condition=label")
    labels = np.arange(7)
    x = model.preprocess(UINT8, labels=labels)
    np.testing.assert_array_equal(x.condition.argmax(-1), labels)
    drawn = model.sample(12, condition=7)
    seven = lambda z: model.bind().given(jax.nn.one_hot(7, 10)).decode(z).mean
    np.testing.assert_allclose(drawn.mean[3], jax.jit(seven)(drawn.z[3]), rtol=1e-5)
    np.testing.assert_array_equal(model.sample(12, condition=[7] * 12).mean, drawn.mean)
    np.testing.assert_array_equal(model.sample(12).mean[7], drawn.mean[7])  # each label in turn
    for given, message in (
        (None, "under their labels, and some have none"),
        (labels + 5, "a label is 11: expected 0 to 9"),
        (labels[:2], r"labels have shape \(2,\)"),
    ):
        with pytest.raises(UsageError, match=message):
            model.encode(UINT8, labels=given)
    for condition in (10, -1, [1, 2], 0.5):
        with pytest.raises(UsageError, match="expected 0 to 9"):
            model.sample(12, condition=condition)


def test_half_of_an_image_is_completed():
    """Beneath the upper half that is given, of which the very pixels are drawn once."""
    model = trained(*SMALL, "--config.data.condition=half", "--config.data.binarize=threshold")
    upper = UINT8[0, :4]
    drawn = model.sample(5, condition=upper, seed=1)
    below = lambda z: model.bind().given(jnp.asarray(upper > 127, jnp.float32)).decode(z).mean
    np.testing.assert_allclose(drawn.mean[2], jax.jit(below)(drawn.z[2]), rtol=1e-5)
    assert model.preprocess(UINT8).x.shape == (7, 4, 8, 1)
    with pytest.raises(UsageError, match=r"condition is an image \(half\), of which none is at hand"):
        model.sample(2)
    with pytest.raises(UsageError, match=r"condition has shape \(8, 8, 1\): expected \(4, 8, 1\)"):
        model.sample(2, condition=UINT8[0])


def test_a_model_of_missing_pixels_takes_nan_for_them():
    model = trained(*SMALL, "--config.data.missing=0.5")
    holes = np.where(MASK, UINT8 / 255, np.nan)
    x = model.preprocess(holes)
    np.testing.assert_array_equal(x.mask, MASK)
    assert model.preprocess(UINT8).mask.all()
    found, by_mask = model.impute(holes, num_samples=3), model.impute(UINT8, MASK, num_samples=3)
    np.testing.assert_allclose(found, by_mask, rtol=1e-5)
    changed = np.where(MASK, UINT8, 255 - UINT8)
    np.testing.assert_array_equal(model.impute(changed, MASK, num_samples=3), by_mask)  # what is missing is not seen


def test_what_a_mask_hides_of_given_images_is_not_seen(plain):
    given = GivenImages(UINT8, np.arange(7), MASK)
    x = plain.preprocess(given)
    np.testing.assert_array_equal(x.mask, MASK)
    np.testing.assert_array_equal(x.x, np.where(MASK, plain.preprocess(UINT8), 0.0))


def test_m2_classifies():
    """As its classifier does, over the same draw of a pixel at each of 20 turns."""
    flags = ["name=m2", *(f"network.{side}_hidden=4" for side in ("encoder", "decoder"))]
    model = trained(*(f"--config.model.{flag}" for flag in flags), "--config.data.binarize=threshold")
    label, probability = model.classify(UINT8)
    x = jnp.asarray(UINT8 > 127, jnp.float32)
    logits = jax.jit(jax.vmap(lambda one: model.bind().encode(one).label.logits))(x)
    np.testing.assert_allclose(probability, jax.nn.softmax(logits), rtol=1e-4)
    np.testing.assert_array_equal(label, np.argmax(logits, -1))


def test_a_denoising_autoencoder_is_shown_an_image_as_it_is():
    flags = ["name=autoencoder", "noise.name=masking", "noise.level=0.5", *(f.split("model.")[1] for f in SMALL)]
    model = trained(*(f"--config.model.{flag}" for flag in flags), "--config.data.binarize=threshold")
    x = jnp.asarray(UINT8 > 127, jnp.float32)

    def through(one):
        now = model.bind().given(one)
        return now.decode(now.encode(one).mean).mean

    np.testing.assert_allclose(model.reconstruct(UINT8), jax.jit(jax.vmap(through))(x), rtol=1e-5)
    with pytest.raises(UsageError, match=r"an autoencoder has no p\(z\)"):
        model.sample(3)
    with pytest.raises(UsageError, match=r"an autoencoder has no p\(z\)"):
        model.log_likelihood(UINT8, num_samples=2)
