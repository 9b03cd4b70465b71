"""A Hugging Face data set on disk, read by a stand-in for `datasets` with what is used of it."""

import io
import json
import sys
import types

import numpy as np
import pyarrow
import pytest
from PIL import Image

from tests.refusal import refusal
from vaex import data

IMAGE, LABEL = {"_type": "Image"}, {"_type": "ClassLabel", "names": ["a", "b", "c"]}
LEVELS = np.arange(40, 80, dtype=np.uint8)  # of image i, whose label is its level modulo 3


class Stored:
    """A split: what save_to_disk wrote, in memory."""

    def __init__(self, columns):
        self.columns = columns

    def __len__(self):
        return len(next(iter(self.columns.values())))

    def __iter__(self):
        return (dict(zip(self.columns, values, strict=True)) for values in zip(*self.columns.values(), strict=True))

    def __getitem__(self, key):
        return self.columns[key] if type(key) is str else self.whole()

    def with_format(self, name):
        self.whole = {"numpy": lambda: self.columns, "arrow": lambda: pyarrow.table(self.columns)}[name]
        return self

    def remove_columns(self, name):
        return Stored({other: values for other, values in self.columns.items() if other != name})


@pytest.fixture
def save(tmp_path, monkeypatch):
    """Write the descriptions of splits, and have `datasets` read their columns; returns the name of the data set."""

    def write(features, **splits):
        stored = {str(tmp_path / name): Stored(columns) for name, columns in splits.items()}
        for name in splits:
            (tmp_path / name).mkdir()
            (tmp_path / name / "state.json").write_text("{}")
            (tmp_path / name / "dataset_info.json").write_text(json.dumps({"features": features}))
        (tmp_path / "dataset_dict.json").write_text(json.dumps({"splits": [*splits]}))
        fake = types.ModuleType("datasets")
        fake.__spec__ = types.SimpleNamespace(name="datasets")
        fake.load_from_disk = stored.__getitem__
        monkeypatch.setitem(sys.modules, "datasets", fake)
        return f"huggingface:{tmp_path}"

    return write


def pictures(levels, mode="L"):
    return [Image.new("L", (4, 4), int(level)).convert(mode) for level in levels]


def test_images_with_their_labels(save):
    """Each keeps its own; validation stands in for a missing test split, and is left where there is one."""
    columns = lambda levels: {"image": pictures(levels), "label": (levels % 3).tolist()}
    name = save({"image": IMAGE, "label": LABEL}, train=columns(LEVELS), validation=columns(LEVELS[:5]))
    found = data.load(name)
    assert found.train.images.shape == (40, 4, 4, 1)
    assert sorted(found.train.images[:, 0, 0, 0]) == LEVELS.tolist()
    assert found.train.images[:, 0, 0, 0].tolist() != LEVELS.tolist()  # in case they come by their classes
    assert len(found.test.images) == 5
    for split in (found.train, found.test):
        np.testing.assert_array_equal(split.labels, split.images[:, 0, 0, 0] % 3)


def test_one_split_of_arrays(save, tmp_path):
    images = np.broadcast_to(LEVELS[:, None, None], (40, 4, 4))
    save({"x": {"_type": "Array2D"}}, train={"x": images})
    found = data.load(f"huggingface:{tmp_path / 'train'}")
    assert (len(found.train.images), len(found.test.images)) == (36, 4)


def test_a_table(save):
    """Without images; None is missing."""
    columns = {"age": [1.5, None, 2.5, 0.0] * 10, "colour": ["r", "b", None, "b"] * 10, "label": [0, 1, 2, None] * 10}
    value = {"_type": "Value"}
    found = data.load(save({"age": value, "colour": value, "label": LABEL}, train=columns, test=columns))
    assert [(c.name, c.type, c.has_gaps) for c in found.columns] == [
        ("age", "real", True),
        ("colour", "categorical", True),
    ]
    assert found.test.labels.tolist() == [0, 1, 2, -1] * 10
    np.testing.assert_array_equal(found.test.images[:4], [[1.5, 1], [np.nan, 0], [2.5, np.nan], [0, 0]])


def test_an_image_that_is_none_or_not_whole_is_named(save):
    """`datasets` gives None for a null, and Pillow's images, which may find damage late."""
    file = io.BytesIO()
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (30, 30), np.uint8)).save(file, "png")
    late = Image.open(io.BytesIO(file.getvalue()[:-300]))
    name = save({"image": IMAGE}, train={"image": [*pictures(LEVELS[:1]), None]}, test={"image": [late]})
    assert "train, image 1 is None: expected an image in each row" in refusal(lambda: data.load(name))[0]
    name = name + "/test"
    assert "test, image 0: not a whole image (" in refusal(lambda: data.load(name))[0]


def test_what_cannot_be_read(save, tmp_path, monkeypatch):
    load = lambda name: refusal(lambda: data.load(name))[0]
    assert "not a Hugging Face data set: expected a folder that its save_to_disk" in load(f"huggingface:{tmp_path}")
    grey, colour = pictures(LEVELS[:2]), pictures(LEVELS[:2], "RGB")
    name = save({"image": IMAGE}, train={"image": grey}, test={"image": colour})
    assert "test, image 1 in colour: set --config.data.channels to 1 or to 3 for all" in load(name)
    assert data.load(name, form=data.Form(channels=1)).train.images.shape == (2, 4, 4, 1)
    assert "is a Hugging Face data set: name it as such, huggingface:" in load(name.replace("huggingface", "folder"))
    (tmp_path / "dataset_dict.json").write_text(json.dumps({"splits": ["test"]}))
    assert "has the splits test: expected train" in load(name)
    monkeypatch.setitem(sys.modules, "datasets", None)
    train = tmp_path / "train"
    (train / "state.json").write_text("{ }")  # others than those in the cache
    assert "datasets, which reads Hugging Face's data sets, is not installed: pip install datasets" in load(
        f"huggingface:{train}"
    )
