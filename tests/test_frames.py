"""Sequences of frames: what moves, what is cut from them, and what follows what."""

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import pytest

from tests.refusal import refusal
from vaex import Conditional, Model, data
from vaex.__main__ import main
from vaex.config import override
from vaex.config.task import kept_data
from vaex.data import Dataset, Split
from vaex.data.bouncing import DIGIT, NUM_FRAMES, NUM_SEQUENCES, SIZE, bouncing, positions
from vaex.data.conditions import CONDITIONS
from vaex.data.frames import sequence_length, windows
from vaex.data.given import inputs
from vaex.data.given.as_trained import as_given, stored_of
from vaex.data.given.under import to_sample
from vaex.distributions.masked import Masked
from vaex.errors import UsageError
from vaex.evaluate import Trial
from vaex.evaluate.completion import roll_out
from vaex.evaluate.imputation import truth
from vaex.model import Given
from vaex.runs.experiments import load_experiment

RNG = np.random.default_rng(0)
ROOM = 18.0


@pytest.fixture(autouse=True)
def _few_sequences(monkeypatch):
    monkeypatch.setitem(NUM_SEQUENCES, "train", 20)


@pytest.fixture
def kept():
    flags = ("--config.data.condition=previous", "--config.data.num_previous=2", "--config.data.binarize=threshold")
    return kept_data(override(load_experiment("digits"), [*flags]), (8, 8, 3), 0)


def stepped(start, velocity):
    """Frame by frame, along one axis."""
    place, places = start, []
    for _ in range(NUM_FRAMES):
        places.append(place)
        place += velocity
        while not 0 <= place <= ROOM:
            place, velocity = (-place if place < 0 else 2 * ROOM - place), -velocity
    return np.array(places)


def test_walls_reflect():
    start, velocity = RNG.uniform(0, ROOM, (30, 2)), RNG.uniform(-30, 30, (30, 2))
    start[0], velocity[0] = (0.0, ROOM), (-2.0, 2.0)  # at a wall, and towards it
    expected = np.vectorize(stepped, signature="(),()->(t)")(start, velocity)
    np.testing.assert_allclose(positions(start, velocity, ROOM), np.moveaxis(expected, 1, 2), atol=1e-9)


def test_digits_move_at_a_constant_speed_within_their_frames():
    """One digit of each sequence is white and the other black, which shows where the first is."""
    few = np.stack([np.full((28, 28, 1), level, np.uint8) for level in (255, 0)])
    frames = bouncing(few, split="test")[0]
    rows, columns = (frames.max(axis=axis) > 0 for axis in (1, 0))
    assert (rows.sum(0) == DIGIT).all()
    assert (columns.sum(0) == DIGIT).all()
    corners = np.stack([rows.argmax(0), columns.argmax(0)])
    steps = np.abs(np.diff(corners))
    inside = ((corners > 4) & (corners < SIZE - DIGIT - 4)).all(0)
    speed = np.hypot(*steps[:, inside[1:]])
    assert speed.min() > 1
    assert speed.max() < 6
    assert len(np.unique(corners, axis=1).T) > NUM_FRAMES / 2


def test_no_image_is_in_two_sequences():
    """Images of one level each: those of a sequence are its two levels."""
    images = np.broadcast_to(np.arange(1, 101, dtype=np.uint8)[:, None, None, None], (100, 28, 28, 1))
    frames = bouncing(images, split="validation")
    levels = [set(np.unique(one)) - {0} for one in frames]
    assert len(frames) == 50
    assert all(len(of_one) == 2 for of_one in levels)
    assert len(set.union(*levels)) == 100


def test_a_data_set_of_sequences_keeps_its_splits():
    dataset, images = data.load("bouncing:digits", num_validation=100), data.load("digits", num_validation=100)
    assert (dataset.label, dataset.source) == ("bouncing:digits", images.source)
    for split in ("train", "validation", "test"):
        frames, of_split = getattr(dataset, split).images, getattr(images, split).images
        assert frames.shape == (min(NUM_SEQUENCES[split], len(of_split) // 2), SIZE, SIZE, NUM_FRAMES)
        np.testing.assert_array_equal(frames, bouncing(of_split, split=split))


def test_a_window_is_of_one_sequence_and_its_last_frame_follows_the_others():
    """Each pixel says its sequence and its frame."""
    times = np.arange(6, dtype=np.uint8)
    frames = np.broadcast_to(10 * np.arange(5, dtype=np.uint8)[:, None, None, None] + times, (5, 2, 2, 6))
    split = data.Split(frames, np.arange(5, dtype=np.int32))
    cut = windows(data.Dataset("", "", "", split, split, split), 3)
    for of_split in cut.splits.values():
        given = CONDITIONS["previous"].given(of_split.images, None, None, 0)
        observed = CONDITIONS["previous"].observed(of_split.images)
        expected = [[10 * s + t - 3, 10 * s + t - 2, 10 * s + t - 1] for s in range(5) for t in range(3, 6)]
        np.testing.assert_array_equal(given[:, 0, 0], expected)
        np.testing.assert_array_equal(observed[:, 1, 1, 0], [10 * s + t for s in range(5) for t in range(3, 6)])
        np.testing.assert_array_equal(of_split.labels, np.repeat(np.arange(5), 3))
    assert sequence_length(cut.test.images) == 3
    assert sequence_length(cut.test.images[14:]) == 1
    assert CONDITIONS["previous"].shape(cut.train.images.shape[1:], 0) == given.shape[1:]


@pytest.mark.parametrize(
    ("name", "num_previous", "message"),
    [
        (
            "bouncing:digits",
            0,
            "data.num_previous is 0: expected at least 1 and less than 20, the frames of a sequence",
        ),
        ("bouncing:digits", 20, "data.num_previous is 20: expected at least 1 and less than 20"),
        ("digits", 3, "data.condition is 'previous' on digits, images of one frame: expected sequences"),
    ],
)
def test_frames_that_there_are_not(name, num_previous, message):
    assert message in refusal(lambda: windows(data.load(name), num_previous))[0]


def test_frames_that_nothing_is_given(capsys):
    assert main(["train", "digits", "--config.data.num_previous=5"]) == 2
    message = "num_previous is 5: expected none without that condition; set --config.data.condition=previous too"
    assert message in capsys.readouterr().err


@pytest.mark.parametrize("name", ["toy:rings", "bouncing:digits"])
def test_what_cannot_move(name):
    assert f"data.name is 'bouncing:{name}', of examples of" in refusal(lambda: data.load(f"bouncing:{name}"))[0]


def test_samples_are_drawn_under_the_frames_before(kept):
    """Of more frames under the last, binarized as training's were, whatever their number of channels would be."""
    frames = RNG.integers(0, 256, (8, 8, 5), np.uint8)
    for given in (frames, frames[..., 3:], frames / 255):
        found = to_sample(given, kept, 3, key=jax.random.key(0))
        np.testing.assert_array_equal(found, np.broadcast_to(frames[..., 3:] > 127, (3, 8, 8, 2)))
    for wrong in (None, 3, frames[..., :1], frames[:7]):
        line = refusal(lambda wrong=wrong: to_sample(wrong, kept, 3, key=jax.random.key(0)))[0]
        assert "(8, 8, 2)" in line
        assert "2 frames (previous)" in line


def test_windows_are_given_whatever_their_number_of_frames(kept, monkeypatch):
    windows = RNG.integers(0, 256, (4, 8, 8, 3), np.uint8)
    np.testing.assert_array_equal(as_given(windows / 255, kept).images, windows)
    large = kept._replace(x_shape=(8, 8, 6))
    np.testing.assert_array_equal(as_given(windows.repeat(2, -1), large).images, windows.repeat(2, -1))
    assert "expected [N, 8, 8, 6]" in refusal(lambda: as_given(windows, large))[0]
    split = data.Split(windows.repeat(2, -1), np.zeros(4, np.int32))
    monkeypatch.setattr(inputs, "load", lambda *args, **options: data.Dataset("", "", "", split, split, split))
    np.testing.assert_array_equal(inputs.read_given("bouncing:digits", kept).images[3], split.images[0, ..., 3:])


def test_each_frame_of_a_roll_out_is_drawn_under_those_before_it():
    """A model by which a frame is the sum of the two before: Fibonacci's numbers."""

    def given(condition):
        follows = lambda z: dist.Delta(condition.sum(-1, keepdims=True)).to_event(3)
        return Model(dist.Normal(jnp.zeros(1), 1.0).to_event(1), lambda x: None, follows)

    previous = jnp.broadcast_to(jnp.array([1.0, 2.0]), (3, 4, 2))
    frames = roll_out(jax.random.key(0), Conditional(given), previous, num_frames=5)
    np.testing.assert_array_equal(frames[:, 1, 2], [3, 5, 8, 13, 21])


def test_frames_that_a_user_brings_are_given_as_they_are():
    """To draw under them: neither averaged nor cut."""
    kept = CONDITIONS["previous"].of_part
    previous = jnp.ones((32, 32, 3))
    assert kept is not None
    np.testing.assert_array_equal(
        kept(previous, None), CONDITIONS["previous"].given(jnp.ones((32, 32, 4)), None, None, 0)
    )


def test_frames_follow_frames_that_were_drawn():
    """A random walk, whose variance grows."""

    def given(condition):
        latent = dist.Normal(jnp.zeros(1), 1.0).to_event(1)
        return Model(latent, lambda x: latent, lambda z: dist.Normal(condition[..., -1:], 1.0).to_event(3))

    frames = roll_out(jax.random.key(0), Conditional(given), jnp.zeros((20, 20, 2)), num_frames=3)
    np.testing.assert_array_equal(frames[0], 0)
    np.testing.assert_allclose(frames[1:].reshape(2, -1).var(axis=1), [1, 2], rtol=0.4)


def test_what_is_missing_of_a_frame_is_found_in_that_frame():
    """And of a lower half in the lower half."""
    images = RNG.integers(0, 256, (5, 8, 8, 4)).astype(np.uint8)
    split = Split(images, np.zeros(5, np.int32))
    dataset = Dataset("", "", "", split, split, split)
    for modelled in (images[..., -1:], images[:, 4:], images):
        x = Given(Masked(modelled / 255, modelled > 9), modelled)
        found = truth(Trial(None, x, dataset, lambda key, split: None), 3)
        np.testing.assert_array_equal(found, modelled[:3] / np.float32(255))


def test_a_condition_is_given_whole(kept):
    """Nan is a pixel of the frame that is foreseen, and of none before it."""
    images = RNG.uniform(size=(3, 8, 8, 3)).astype(np.float32)
    images[1, 2, 3, 2] = np.nan
    given = as_given(images, kept, may_miss=True)
    assert not stored_of(given, kept, is_masked=True).mask[1, 2, 3, 0]
    images[1, 2, 3, 0] = np.nan
    with pytest.raises(UsageError, match="of image 1 a pixel is missing there: expected all of that part"):
        stored_of(as_given(images, kept, may_miss=True), kept, is_masked=True)
