"""Images that are read from disk: the same data, the same training, and damage that is told."""

import contextlib
import functools
import threading
import zipfile

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from PIL import Image

from tests.refusal import refusal, same
from tests.test_data import RNG, TEST, TEST_LABELS, TRAIN, TRAIN_LABELS, write_idx
from vaex import data
from vaex.config import override
from vaex.config.dataset import load_data
from vaex.config.program import program
from vaex.config.task import build_task
from vaex.data.cache import alone_in
from vaex.data.conditions import CONDITIONS
from vaex.data.examples import EXAMPLES, Making, first_stored, reading, seen
from vaex.data.form import Form
from vaex.data.preprocess import scale
from vaex.data.streams import streamed
from vaex.data.streams.chunks import chunks, steps_per_chunk
from vaex.data.streams.records import Records, mapped, read_records, sum_of_records, writing_records
from vaex.errors import UsageError
from vaex.runs.experiments import load_experiment
from vaex.train import Recipe, init_state, train_epoch
from vaex.train.streamed import streamed_epoch

ARRAYS = {"train_images": TRAIN, "train_labels": TRAIN_LABELS, "test_images": TEST, "test_labels": TEST_LABELS}


def idx(folder):
    write_idx(folder / "mine", zipped=True)
    return "mine"


def npz(folder, *, zipped=False, **more):
    (np.savez_compressed if zipped else np.savez)(folder / "mine.npz", **ARRAYS | more)
    return "mine.npz"


def npy(folder):
    np.save(folder / "mine.npy", TRAIN.astype(np.float32) / 255)  # a tenth of which is held out
    return "mine.npy"


def images(folder):
    for i, image in enumerate(TRAIN):
        (folder / "some" / str(i % 3)).mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(folder / "some" / str(i % 3) / f"{i:02}.png")
    return f"folder:{folder / 'some'}"


@pytest.mark.parametrize("make", [idx, npz, functools.partial(npz, zipped=True), npy, images])
@pytest.mark.parametrize("form", [Form(), Form(size=3, channels=3)])
def test_what_is_streamed_is_the_data_set(make, form, tmp_path):
    load = functools.partial(data.load, make(tmp_path), dir=tmp_path, num_validation=4, form=form)
    expected, found = load(), load(streaming="on")
    assert expected.records is None
    for split in ("train", "validation", "test"):
        assert same(getattr(found, split), getattr(expected, split))
    assert found.records.shape == expected.train.images.shape
    some = np.array([3, 3, 0, len(expected.train.images) - 1])
    np.testing.assert_array_equal(read_records(found.records, some), expected.train.images[some])
    assert found.meaning.startswith(expected.meaning)
    assert data.with_num_train(found, 5).records.shape[0] == len(data.with_num_train(found, 5).train.images) == 5


def test_a_folder_of_the_cache_is_one_process_s_at_a_time_and_swept_by_the_next(tmp_path, capsys):
    (left := tmp_path / ".0123456789abcdef.tmp").touch()
    done = []

    def another():
        with alone_in(tmp_path):
            done.append(True)

    with alone_in(tmp_path):
        assert not left.exists()
        thread = threading.Thread(target=another)
        thread.start()
        thread.join(0.2)
        assert not done
    thread.join(10)
    assert done
    assert f"waiting for another process, which writes in {tmp_path}" in capsys.readouterr().out


def test_what_a_killed_process_has_half_decoded_is_decoded_anew(tmp_path, capsys, monkeypatch):
    """And once: who has waited for another finds it made."""
    npy(tmp_path)
    load = lambda: data.load("mine.npy", dir=tmp_path, streaming="on")
    about = load().records.path.with_name("about.npz")
    (left := about.with_name(".0123456789abcdef.tmp")).touch()
    whole = about.read_bytes()
    about.unlink()
    load()
    assert not left.exists()
    about.unlink()

    @contextlib.contextmanager
    def waiting(folder):
        about.write_bytes(whole)
        yield

    monkeypatch.setattr(streamed, "alone_in", waiting)
    load()
    assert capsys.readouterr().out.count("decoding mine.npy") == 2


def test_what_is_large_is_streamed_by_itself(tmp_path):
    load = functools.partial(data.load, npz(tmp_path), dir=tmp_path, streaming="auto")
    assert load(resident_bytes=40 * 5 * 4).records is None
    assert load(resident_bytes=40 * 5 * 4 - 1).records is not None
    assert load(resident_bytes=40 * 5 * 4, form=Form(channels=3)).records is not None


def test_what_cannot_be_read_in_pieces_is_read_as_a_whole_unless_it_is_asked_for(tmp_path):
    np.save(tmp_path / "mine.npy", np.asfortranarray(TRAIN))
    load = functools.partial(data.load, "mine.npy", dir=tmp_path)
    assert same(load(streaming="auto", resident_bytes=1), load())
    assert "in Fortran's order, which cannot be read in pieces" in refusal(lambda: load(streaming="on"))[0]


@pytest.fixture
def records(tmp_path):
    with writing_records(tmp_path / "train.npy", TRAIN.shape) as (put, sums):
        order = RNG.permutation(len(TRAIN))
        for part in np.split(order, [7, 19]):
            put(part, TRAIN[part])
    return Records(tmp_path / "train.npy", TRAIN.shape, sums)


def test_a_corrupt_record_names_its_file_and_its_index(records):
    raw = bytearray(records.path.read_bytes())
    raw[-13 * TRAIN[0].size - 1] ^= 1  # the last byte of the one before the last thirteen
    records.path.write_bytes(raw)
    line, _ = refusal(lambda: read_records(records, np.arange(30)))
    assert line.startswith(f"{records.path}: record 16 is corrupt")
    assert len(read_records(records, np.arange(16))) == 16
    records.path.write_bytes(raw[:-1])
    assert refusal(lambda: mapped(records))[0].startswith(f"{records.path}: not readable")


def test_a_sum_that_is_kept_is_the_records_also_where_its_file_is_damaged(records):
    """Of the right shape and type, but for one bit; it is written again then."""
    true = TRAIN.sum(axis=0, dtype=np.int64)
    assert (sum_of_records(records) == true).all()
    (kept,) = records.path.parent.glob("*_sum_*")
    raw = bytearray(kept.read_bytes())
    at = raw.index(true.tobytes())
    raw[at] ^= 1
    kept.write_bytes(raw)
    assert (sum_of_records(records) == true).all()
    assert kept.read_bytes()[at] != raw[at]


def damage_in_the_middle(folder):
    name = npz(
        folder, zipped=True, train_images=RNG.integers(0, 256, (4000, 40, 40), np.uint8), train_labels=np.zeros(4000)
    )
    path = folder / name
    with zipfile.ZipFile(path) as file:
        at = file.getinfo("train_images.npy").header_offset + 3_000_000
    raw = bytearray(path.read_bytes())
    raw[at : at + 64] = bytes(64)
    path.write_bytes(raw)
    return name


def cut_short(folder):
    raw = (folder / npy(folder)).read_bytes()
    (folder / "mine.npy").write_bytes(raw[: -13 * TRAIN[0].nbytes * 4 - 1])
    return "mine.npy"


def not_finite(folder):
    x = TRAIN / 255
    x[17, 0, 0] = np.nan
    np.save(folder / "mine.npy", x)
    return "mine.npy"


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (cut_short, "mine.npy: ends in record 16 of 30: get"),
        (not_finite, "mine.npy: train images hold 1 values that are nan or infinite, the first in image 17"),
        (damage_in_the_middle, "mine.npz: train_images, read up to record 4000: not readable"),
    ],
)
def test_damage_in_what_is_decoded_is_told(make, message, tmp_path):
    name = make(tmp_path)
    assert message in refusal(lambda: data.load(name, dir=tmp_path, streaming="on"))[0]


@pytest.mark.parametrize("name", ["toy:two_moons", "wine", "bouncing:digits"])
def test_what_cannot_be_streamed_is_told_with_what_can(name):
    line, _ = refusal(lambda: data.load(name, streaming="on"))
    assert f"data.streaming is 'on' with '{name}', which cannot be streamed: expected folder:PATH, NAME.npz" in line
    assert data.load("toy:two_moons", streaming="auto", resident_bytes=1).records is None


@pytest.mark.parametrize(
    ("load", "flag"),
    [
        (load_data, "data.missing=0.5"),
        (load_data, "data.condition=previous"),
        (program, "seed=1"),  # of a sweep
    ],
)
def test_what_needs_all_images_at_once_is_told(load, flag):
    config = override(load_experiment("digits"), ["--config.data.streaming=on", f"--config.{flag}"])
    assert "data.streaming is 'on', and" in refusal(lambda: load(config))[0]
    large = override(load_experiment("digits"), ["--config.data.resident_bytes=1"])
    assert load_data(large).records is not None
    line, _ = refusal(lambda: load_data(large, together=True))
    assert "digits takes more than data.resident_bytes, 1: several runs in one program share all images at once" in line
    config = override(load_experiment("digits"), ["--config.data.resident_bytes=1", "--config.data.missing=0.5"])
    assert load_data(config).records is None  # auto


@pytest.mark.parametrize(
    ("kind", "more"),
    [("images", {}), ("images", {"condition": CONDITIONS["label"]}), ("pairs", {"num_labels": 12})],
)
def test_examples_that_are_read_are_those_that_are_stored(kind, more):
    dataset = data.load("digits", streaming="on")
    by = Making(scale, num_classes=10, key=jax.random.key(0), **more)
    examples = EXAMPLES[kind](by)
    stored = jax.tree.map(np.asarray, examples.stored(dataset.train))
    some = RNG.permutation(jax.tree.leaves(stored)[0].shape[0])[:9]
    assert same(reading(examples, dataset)(some), jax.tree.map(lambda a: a[some], stored))
    assert same(first_stored(examples, dataset, 3), jax.tree.map(lambda a: a[:3], stored))
    for _ in range(2):  # the second time from a file
        mean = seen(by, dataset).mean_levels
        np.testing.assert_array_equal(mean, dataset.train.images.mean(axis=0, dtype=np.float32))


def test_few_labels_are_streamed_as_they_are_held():
    flags = ["model.name=m2", "model.latent_dim=2", "objective.name=semi_supervised", "data.num_labels=100"]
    held, read = (
        build_task(
            override(load_experiment("digits"), [f"--config.{flag}" for flag in (*flags, f"data.streaming={how}")])
        )
        for how in ("off", "on")
    )
    assert read.dataset.records is not None
    few = np.arange(3)
    stored = jax.tree.map(lambda a: np.asarray(a)[few], held.stored)
    assert same(reading(read.examples, read.dataset)(few), stored)


def test_an_epoch_that_is_streamed_is_train_epoch(records):
    """Bit for bit, in chunks of which the last is shorter; and the second epoch from a state that was put down."""
    made = Recipe(
        bind=lambda params: params,
        batch_loss=lambda key, w, x, context: (
            jnp.mean((x @ w - jax.random.normal(key, (4,))) ** 2),
            {"elbo": x.sum()},
        ),
        optimizer=optax.adam(1e-2),
        preprocess=lambda key, x: x.reshape(4, 20) / 255 + jax.random.normal(key, (4, 20)),
    )
    key, begin = jax.random.key(1), lambda: init_state(jnp.ones(20), made.optimizer)
    whole = jax.jit(functools.partial(train_epoch, recipe=made, batch_size=4))
    read, put = (lambda indices: read_records(records, indices)), lambda tree: jax.tree.map(jnp.asarray, tree)
    in_chunks = lambda order: chunks(order, 3, read, put)
    epoch, _ = streamed_epoch(key, in_chunks, recipe=made, num_examples=30, batch_size=4)  # 7 steps and a rest
    expected = found = begin()
    for _ in range(2):
        expected, metrics, _ = whole(expected, key, jnp.asarray(TRAIN))
        found, streamed, bad = epoch(jax.tree.map(jnp.asarray, jax.device_get(found)))
        assert same(found, expected)
        jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-6), streamed, metrics)
        assert bad == -1
    spoilt = found._replace(params=found.params * jnp.inf)
    assert epoch(spoilt)[2] == 14


def test_what_goes_wrong_ahead_is_raised(records):
    order = np.arange(28).reshape(7, 4)

    def read(indices):
        if indices[0] >= 8:
            raise UsageError("record 8")
        return indices

    turn = chunks(order, 1, read, lambda tree: tree)
    assert [next(turn).examples.tolist() for _ in range(2)] == [[0, 1, 2, 3], [4, 5, 6, 7]]
    with pytest.raises(UsageError, match="record 8"):
        next(turn)


def test_chunks_are_alike_where_they_can_be():
    assert steps_per_chunk(468, 128 * 784) == 156  # of 167 that have room
    assert steps_per_chunk(467, 128 * 784) == 167  # a prime
    assert steps_per_chunk(10, 2**30) == 1
    assert steps_per_chunk(10, 1) == 10
