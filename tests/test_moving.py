"""Pictures that move, what is kept for them while a run trains, and the way from x to z and back."""

import io

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import pytest
from PIL import Image, ImageSequence

from vaex import Model
from vaex.config import override
from vaex.config.setup import setup
from vaex.data import Dataset, Split
from vaex.evaluate import Trial
from vaex.figures import FIGURES, round_trips
from vaex.figures import moving as pictures
from vaex.runs import moving
from vaex.runs.experiments import load_experiment

KEY = jax.random.key(0)


def frames_of(gif):
    return [np.asarray(frame.convert("L")) for frame in ImageSequence.Iterator(Image.open(io.BytesIO(gif)))]


def configured(*flags):
    small = ["model.latent_dim=2", "model.network.encoder_hidden=4", "model.network.decoder_hidden=4"]
    flags = [*small, "train.num_epochs=30", "train.eval_every=10", *flags]
    return setup(override(load_experiment("digits"), [f"--config.{flag}" for flag in flags]))


def test_a_walk_turns_evenly_from_one_vector_to_the_next():
    """A quarter turn in three steps, from length 1 to 3; opposite ways, and from the origin, straight."""
    a, b = jnp.array([[1.0, 0], [1, 0], [0, 0]]), jnp.array([[0, 3.0], [-1, 0], [0, 1]])
    found = np.asarray(pictures.spherical(a[None], b[None], 3))[0]  # [step, walk, d]
    np.testing.assert_allclose(np.arctan2(*found[:, 0, ::-1].T), np.pi / 6 * np.arange(3), atol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(found[:, 0], axis=-1), [1, 5 / 3, 7 / 3], rtol=1e-5)
    np.testing.assert_allclose(found[:, 1], [[1, 0], [1 / 3, 0], [-1 / 3, 0]], atol=1e-6)
    np.testing.assert_allclose(found[:, 2], [[0, 0], [0, 1 / 3], [0, 2 / 3]], atol=1e-6)


def test_frames_are_what_was_seen_at_each_epoch():
    images = np.arange(3, dtype=np.uint8)[:, None, None, None, None] * np.full((4, 8, 8, 1), 100, np.uint8)
    found = frames_of(pictures.forming(images, [0, 5, 10]))
    assert [int(frame[-1, -1]) for frame in found[:3]] == [0, 100, 200]
    means = np.random.default_rng(0).normal(size=(3, 50, 2)) * np.array([0.1, 1, 2])[:, None, None]
    found = frames_of(pictures.scatter_forming(means.astype(np.float32), np.arange(50) % 4 - 1, [0, 5, 10]))
    assert len(found) == 3  # the last stays, as one frame
    assert not np.array_equal(found[0], found[2])


def test_a_run_keeps_frames_of_the_same_latents_and_goes_on_with_them(tmp_path, monkeypatch):
    monkeypatch.setattr(moving, "_FIRST", 0.0)
    made = configured()
    first = made.init().params
    after = jax.tree.map(lambda a: a + 0.1, first)
    watch = moving.watch(tmp_path, made, first, epoch=0)
    for epoch in (10, 20):
        watch.look(after)
        watch.keep({"epoch": epoch})
        monkeypatch.setattr(moving, "_SHARE", 0.0)  # from now on there is no time for it
    assert [*moving._read(tmp_path)] == [0, 10]
    monkeypatch.setattr(moving, "_SHARE", 1e9)
    watch = moving.watch(tmp_path, made, after, epoch=10)
    watch.look(first)
    watch.keep({"epoch": 20})
    found = moving._read(tmp_path)
    assert [*found] == [0, 10, 20]
    for name, shape in (("images", (36, 8, 8, 1)), ("means", (100, 2))):
        assert found[0][name].shape == shape
        np.testing.assert_array_equal(found[0][name], found[20][name])
        assert not np.array_equal(found[0][name], found[10][name])
    trial = Trial(made.task.description.bind(first), made.task.examples.observe(KEY, made.task.dataset.test),
                  made.task.dataset, made.task.examples.observe)  # fmt: skip
    moving.draw(tmp_path, KEY, trial, made.task)
    drawn = {path.name: len(frames_of(path.read_bytes())) for path in (tmp_path / "figures").iterdir()}
    assert drawn.keys() == {"training.gif", "latent_training.gif", "walk.gif"}
    assert drawn["walk.gif"] == 30


@pytest.mark.parametrize("flag", ["train.moving=False", "train.num_epochs=20"])
def test_nothing_is_kept_where_it_is_turned_off_or_too_little_would_move(tmp_path, flag):
    made = configured(flag)
    watch = moving.watch(tmp_path, made, None, epoch=0)
    watch.look(None)
    watch.keep({"epoch": 10})
    assert not list(tmp_path.iterdir())


def test_from_a_latent_and_back_the_error_is_the_variance_of_an_exact_posterior():
    """Of p(x|z) = N(z, s^2) in each of two pixels, whose q is known: within five standard errors of 500 draws."""
    s2 = jnp.array([0.5, 2.0])
    as_image = lambda v: v.reshape(1, 2, 1)
    model = Model(
        prior=dist.Normal(jnp.zeros(2), 1.0).to_event(1),
        encode=lambda x: dist.Normal(x.reshape(2) / (1 + s2), jnp.sqrt(s2 / (1 + s2))).to_event(1),
        decode=lambda z: dist.Normal(as_image(z), as_image(jnp.sqrt(s2))).to_event(3),
    )
    x = jnp.linspace(0, 1, 8).reshape(4, 1, 2, 1)
    split = Split(np.zeros((4, 1, 2, 1), np.uint8), np.zeros(4, np.int32))
    trial = Trial(model, x, Dataset("", "", "", split, split, split), lambda key, split: x)
    found = round_trips.there_and_back(KEY, trial)
    expected = s2 / (1 + s2)
    np.testing.assert_allclose(found.variance, expected, rtol=1e-6)
    np.testing.assert_array_less(np.abs(found.error - expected), 5 * (2 / 500) ** 0.5 * expected)
    np.testing.assert_allclose(found.x_again, x / as_image(1 + s2), rtol=1e-5)
    assert FIGURES["round_trips"](KEY, trial).axes
