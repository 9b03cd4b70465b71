"""What the numbers of images and labels mean: decided from types and ranges of all splits, or refused in one line."""

import json
from types import SimpleNamespace

import numpy as np
import pytest

from vaex import data
from vaex.data import Dataset, Split
from vaex.errors import UsageError
from vaex.runs import commands

RNG = np.random.default_rng(0)
GREY = RNG.integers(0, 256, (20, 4, 5)).astype(np.uint8)
GREY[:, 0, :2] = 0, 255
MASK = GREY > 127
BLACK_AND_WHITE = np.where(MASK, 255, 0)
CLASSES = np.arange(20) % 3
TEST = {"x_test": GREY[:2]}


def load(folder, **arrays):
    np.savez(folder / "mine.npz", **arrays)
    return data.load("mine", dir=folder)


@pytest.mark.parametrize(
    ("images", "levels", "meaning"),
    [
        (MASK, BLACK_AND_WHITE, "black and white"),
        (MASK.astype(np.uint8), BLACK_AND_WHITE, "black and white"),
        (MASK.astype(np.int64), BLACK_AND_WHITE, "black and white"),
        (MASK.astype(np.float32), BLACK_AND_WHITE, "floats up to 1"),
        (GREY, GREY, "grey levels up to 255"),
        (GREY.astype(">u2"), GREY, "grey levels up to 255"),
        (GREY.astype(np.int32), GREY, "grey levels up to 255"),
        (np.asfortranarray(GREY), GREY, "grey levels up to 255"),
        (GREY / 255, GREY, "floats up to 1"),
        ((GREY / 255).astype(np.float16), GREY, "floats up to 1"),
        ((GREY / 255).astype(">f4"), GREY, "floats up to 1"),
        (GREY * 0, GREY * 0, "grey levels up to 0"),
    ],
)
def test_pixels_of_every_type(tmp_path, images, levels, meaning):
    found = load(tmp_path, x_train=images, x_test=images[:2])
    assert found.meaning.startswith(meaning)
    for split, wanted in ((found.train, levels), (found.test, levels[:2])):
        assert split.images.dtype == np.uint8
        assert split.images.flags.c_contiguous
        np.testing.assert_array_equal(split.images[..., 0], wanted)


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"images": GREY + 1j}, "train images are of type complex128"),
        ({"images": GREY.astype(str)}, "train images are of type <U3"),
        ({"images": GREY.astype("m8[s]")}, "train images are of type timedelta64"),
        ({"images": GREY.astype(object)}, "not a readable npz file"),
        ({"images": GREY.astype(np.uint16) * 257}, r"\(uint16\) lie in \[0, 65535\]"),
        ({"images": GREY.astype(np.int64) - 1}, r"lie in \[-1, 254\]"),
        ({"images": GREY.astype(np.float64)}, r"lie in \[0, 255\]: expected \[0, 1\]"),
        ({"images": GREY / 255 - 0.1}, r"lie in \[-0.1"),
        ({"images": GREY // 15}, "integers up to 17: expected 0 and 1, or levels up to 255"),
        ({"images": MASK / 255}, "floats up to 0.00392: expected black at 0 and white at 1"),
        ({"images": GREY.reshape(20, 2, 5, 2)}, "C = 2 channels: expected 1, 3 or 4"),
        ({"images": GREY.reshape(20, 2, 2, 5)}, "C = 5 channels: expected 1, 3 or 4"),
        ({"images": GREY.reshape(20, 1, 4, 5)}, "axis 1 looks like the channels"),
        ({"images": GREY[:4]}, "has 4 images: expected 10 or more"),
        ({"images": np.float64(1)}, r"shape \(1,\)"),
        ({"x_train": GREY, "x_test": GREY[:2] / 255}, "of uint8, test images are .* of float64: make them alike"),
        ({"x_train": GREY, "x_test": MASK[:2]}, "of uint8, test images are .* of bool: make them alike"),
        ({"x_train": GREY, "x_test": MASK[:2] * 1}, "train images reach 255, test images reach 1: put them on one"),
        ({"x_train": GREY / 255, "x_test": GREY[:2] / 65025}, "train images reach 1, test images reach 0.0039"),
        ({"x_train": GREY, "images": GREY}, "x_train and images, each of which is train_images"),
        ({"x_train": GREY, "y_test": CLASSES}, "holds y_test, and no test images"),
        (
            {"images": GREY, "labels": np.array(["cat", "dog", "owl"])[CLASSES]},
            r"labels are of type <U3.*np.unique",
        ),
        ({"images": GREY, "labels": CLASSES + 1j}, "train labels are of type complex128"),
        ({"images": GREY, "labels": CLASSES + 0.5}, "that of image 0 is 0.5: expected a class"),
        ({"images": GREY, "labels": np.where(CLASSES, CLASSES, np.nan)}, "that of image 0 is nan"),
        ({"images": GREY, "labels": CLASSES + 2**40}, "that of image 0 is 1099511627776"),
        ({"images": GREY, "labels": CLASSES.astype(np.uint64) + np.uint64(2**63)}, "that of image 0 is 92233720368547"),
        ({"images": GREY, "labels": CLASSES - 2}, "that of image 0 is -2: expected .* or -1 for none"),
        ({"images": GREY, "labels": np.eye(3)[CLASSES]}, "np.argmax"),
        ({"images": GREY, "labels": 3}, "one for each image"),
    ],
)
def test_what_means_nothing_or_two_things_is_refused(tmp_path, arrays, message):
    with pytest.raises(UsageError, match=message) as info:
        load(tmp_path, **arrays)
    assert str(info.value).startswith(str(tmp_path / "mine.npz"))
    assert "\n" not in str(info.value)


@pytest.mark.parametrize(
    ("labels", "classes", "meaning"),
    [
        (CLASSES.astype(">i2"), CLASSES, "labels 0 to 2"),
        (CLASSES * 1.0, CLASSES, "labels 0 to 2"),
        (CLASSES[:, None], CLASSES, "labels 0 to 2"),
        (CLASSES > 0, CLASSES > 0, "labels 0 to 1"),
        (np.repeat(CLASSES, 2)[::2], CLASSES, "labels 0 to 2"),
        (CLASSES - 1, CLASSES - 1, "labels 0 to 1, none of 9 images"),  # two of them in the test split
        (None, np.full(20, -1), "no labels"),
    ],
)
def test_labels_of_every_type(tmp_path, labels, classes, meaning):
    given = {} if labels is None else {"y_train": labels, "y_test": labels[:2] if labels.ndim == 1 else labels[:2, 0]}
    found = load(tmp_path, x_train=GREY, **TEST, **given)
    assert found.meaning.endswith(f"of 255, {meaning}") or labels is not None
    assert f", {meaning.split(',')[0]}" in found.meaning
    assert found.train.labels.dtype == np.int32
    np.testing.assert_array_equal(found.train.labels, classes)


def test_a_black_test_image_is_on_any_scale(tmp_path):
    assert not load(tmp_path, x_train=GREY, x_test=GREY[:1] * 0).test.images.any()


def task(images, labels, test_labels=CLASSES[:2], held_out=2):
    split = lambda a, b: Split(images[a:b, ..., None], labels[a:b])
    splits = split(0, 20 - held_out), split(20 - held_out, 20), Split(GREY[:2, ..., None], test_labels)
    return SimpleNamespace(label="mine", dataset=Dataset("mine", "mine", "there", *splits), num_classes=3, num_steps=1)


@pytest.mark.parametrize(
    ("other", "message"),
    [
        (task(255 - GREY, CLASSES), "found other data"),
        (task(GREY, CLASSES[::-1].copy()), "with other labels or splits"),
        (task(GREY, CLASSES, CLASSES[1:3]), "with other labels or splits"),
        (task(GREY, CLASSES, held_out=3), r"found other data, mine \(17 examples\)"),
    ],
)
def test_a_run_goes_on_over_the_same_images_labels_and_splits(tmp_path, other, message):
    described = commands.describe(task(GREY, CLASSES), "mine")
    (tmp_path / "dataset.json").write_text(json.dumps(described))
    commands.check_data(tmp_path, task(GREY.copy(), CLASSES.copy()))
    with pytest.raises(UsageError, match=message):
        commands.check_data(tmp_path, other)
