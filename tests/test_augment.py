"""Training images that vary: what they may become and how often, and which of them do."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from vaex.config import AUGMENTATIONS, override, section
from vaex.config.setup import setup
from vaex.data import Split
from vaex.data.augment import flip, shift
from vaex.data.examples import Making, images, pairs
from vaex.errors import UsageError
from vaex.runs.experiments import load_experiment

KEY = jax.random.key(0)
LEVELS = np.arange(1, 37, dtype=np.uint8).reshape(4, 3, 3)  # 4 x 3 pixels of 3 channels, each of its own value
SPLIT = Split(np.broadcast_to(LEVELS, (300, *LEVELS.shape)), np.arange(300) % 2)


def moved(image, pixels):
    """An image in all places, its edge repeated."""
    wide = np.pad(image, ((pixels, pixels), (pixels, pixels), (0, 0)), mode="edge")
    height, width, _ = image.shape
    places = itertools.product(range(2 * pixels + 1), repeat=2)
    return np.stack([wide[down : down + height, right : right + width] for down, right in places])


OF = {
    "flip": (flip(), lambda image: np.stack([image, image[:, ::-1]])),
    "shift": (shift(pixels=1), lambda image: moved(image, 1)),
    "far": (shift(pixels=5), lambda image: moved(image, 5)),  # farther than it is wide
}


@pytest.mark.parametrize("name", OF)
def test_each_image_it_may_become_is_as_frequent_as_the_others(name):
    """And each one of a batch for itself; within 5 standard errors."""
    augment, all_of = OF[name]
    possible, n = all_of(LEVELS), 20_000
    drawn = np.asarray(augment(KEY, jnp.broadcast_to(LEVELS, (n, *LEVELS.shape))))
    assert drawn.dtype == np.uint8
    values, counts = np.unique(drawn.reshape(n, -1), axis=0, return_counts=True)
    wanted, copies = np.unique(possible.reshape(len(possible), -1), axis=0, return_counts=True)
    np.testing.assert_array_equal(values, wanted)
    p = copies / len(possible)
    assert (abs(counts / n - p) < 5 * np.sqrt(p * (1 - p) / n)).all()


@pytest.mark.parametrize("name", OF)
def test_of_a_single_image_and_of_any_leading_axes(name):
    augment, all_of = OF[name]
    assert any((augment(KEY, jnp.asarray(LEVELS)) == one).all() for one in all_of(LEVELS))
    assert augment(KEY, jnp.broadcast_to(LEVELS, (2, 5, *LEVELS.shape))).shape == (2, 5, *LEVELS.shape)


def test_training_images_vary_at_each_use_and_held_out_ones_never():
    examples = images(Making(lambda key, levels: levels, augment=flip()))
    stored = examples.stored(SPLIT)
    first, again, other = (examples.preprocess(key, stored) for key in (KEY, KEY, jax.random.key(1)))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()
    np.testing.assert_array_equal(examples.observe(KEY, SPLIT), SPLIT.images)


def test_where_few_have_a_label_those_alone_vary():
    examples = pairs(Making(lambda key, levels: levels, num_labels=20, num_classes=2, augment=flip(), key=KEY))
    pair = examples.preprocess(KEY, examples.stored(SPLIT))
    np.testing.assert_array_equal(pair.unlabelled, SPLIT.images[:280])
    varied = (pair.labelled != LEVELS).any(axis=(1, 2, 3)).mean()
    assert abs(varied - 0.5) < 5 * 0.5 / np.sqrt(280)


@pytest.mark.parametrize("name", OF)
def test_what_is_missing_moves_with_its_image(name):
    augment, all_of = OF[name]
    examples = images(Making(lambda key, levels: levels, augment=augment, fraction=0.3, key=KEY))
    stored = examples.stored(SPLIT)
    assert stored.mask is not None
    seen = examples.preprocess(KEY, stored)
    np.testing.assert_array_equal(seen.x > 0, seen.mask)
    for x, image, mask in zip(*map(np.asarray, (seen.x, stored.images, stored.mask)), strict=True):
        assert (all_of(image * mask) == x).all(axis=(1, 2, 3)).any()


def test_a_config_says_how_and_a_seed_is_a_run():
    flags = ["--config.data.augment.name=shift", "--config.data.augment.pixels=1", "--config.train.batch_size=50"]
    plain, made, again = (setup(override(load_experiment("digits"), some)) for some in ([flags[2]], flags, flags))
    few = lambda task: jax.tree.map(lambda a: a[:50], task.stored)
    x = [one.task.examples.preprocess(KEY, few(one.task)) for one in (plain, made, again)]
    assert (x[0] != x[1]).any()
    np.testing.assert_array_equal(x[1], x[2])


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["name=shift", "pixels=0"], r"data\.augment\.pixels is 0: expected"),
        (["name=flips"], "expected one of flip, shift; nearest: flip"),
        (["name=flip", "pixels=2"], "pixels"),
    ],
)
def test_what_cannot_be_is_said(flags, message):
    with pytest.raises(UsageError, match=message) as refusal:
        setup(override(load_experiment("digits"), [f"--config.data.augment.{flag}" for flag in flags]))
    assert "\n" not in str(refusal.value)


def test_rows_of_a_table_do_not_vary():
    config = load_experiment("breast_cancer")
    config.data.augment = section(AUGMENTATIONS, "flip")
    with pytest.raises(UsageError, match=r"data\.augment is 'flip' with a table"):
        setup(config)
