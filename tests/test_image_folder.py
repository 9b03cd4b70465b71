"""Folders of images: what is read of them, compared with what Pillow was given to write."""

import numpy as np
import pytest
from PIL import Image

from vaex import data
from vaex.data.form import Form, check_form, formed
from vaex.data.sources import find
from vaex.data.sources.image_folder import image_files, read_folder
from vaex.errors import OptionError, UsageError

RNG = np.random.default_rng(0)


def read(folder, **form):
    return read_folder(folder, image_files(folder), Form(**form))


def grey(*shape):
    return RNG.integers(0, 256, shape, np.uint8)


def save(path, pixels, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path, **options)


def test_subfolders_are_labels_whatever_the_format(tmp_path):
    """Each image's mean is its own, so that it is known again after the shuffle."""
    labels = {}
    for i in range(12):
        name = "ab"[i % 2]
        pixels = np.full((6, 5), 20 * i, np.uint8)
        suffix, options = (("png", {}), ("webp", {"lossless": True}), ("TIFF", {}))[i % 3]
        save(tmp_path / name / f"{i}.{suffix}", pixels, **options)
        labels[20 * i] = i % 2
    (tmp_path / "a" / ".hidden.png").write_bytes(b"no image")
    (tmp_path / "notes.txt").write_text("no image")
    arrays = read(tmp_path, channels=1)
    assert arrays["train_images"].shape == (12, 6, 5, 1)
    levels = arrays["train_images"][:, 0, 0, 0].tolist()
    assert sorted(levels) == sorted(labels)
    assert levels != sorted(levels)  # a tail of one class would be no validation split
    assert {level: int(y) for level, y in zip(levels, arrays["train_labels"], strict=True)} == labels


@pytest.mark.parametrize("streaming", ["off", "on"])
def test_an_image_beside_the_subfolders_has_no_label(streaming, tmp_path):
    for i in range(20):
        save(tmp_path / "ab"[i % 2] / f"{i}.png", np.full((6, 5), 8 * i, np.uint8))
    for i in range(20, 30):
        save(tmp_path / f"{i}.png", np.full((6, 5), 8 * i, np.uint8))
    found = data.load(f"folder:{tmp_path}", num_validation=2, streaming=streaming)
    assert "labels 0 to 1, none of 10 images" in found.meaning
    held = [found.validation, found.test]
    for split in held if streaming == "on" else [found.train, *held]:  # of a stream, the training images are on disk
        places = split.images[:, 0, 0, 0].astype(int) // 8
        np.testing.assert_array_equal(split.labels, np.where(places < 20, places % 2, -1))
    labels = np.concatenate([split.labels for split in found.splits.values()])
    assert np.bincount(labels + 1).tolist() == [10, 10, 10]


def test_splits_by_their_folders(tmp_path):
    for i, split in enumerate(["train", "train", "train", "val", "test", "test"]):
        save(tmp_path / split / "ab"[i % 2] / f"{i}.png", np.full((4, 4), i, np.uint8))
    arrays = read(tmp_path)
    level = lambda split: arrays[f"{split}_images"][:, 0, 0, 0].tolist()
    assert (sorted(level("train")[:3]), level("train")[3:], sorted(level("test"))) == ([0, 1, 2], [3], [4, 5])
    assert arrays["train_labels"].tolist() == [i % 2 for i in level("train")]
    for path in (tmp_path / "test").rglob("*.png"):
        path.unlink()
    arrays = read(tmp_path)
    assert (len(arrays["train_images"]), level("test")) == (3, [3])
    (tmp_path / "val").rename(tmp_path / "valid")
    assert read(tmp_path)["test_images"].shape == arrays["test_images"].shape
    save(tmp_path / "more" / "0.png", grey(4, 4))  # which would make classes of the splits
    with pytest.raises(UsageError, match=r"has a split of its own, and more/0\.png in none"):
        read(tmp_path)


def test_sixteen_bits_transparency_palettes_and_orientation(tmp_path):
    deep = RNG.integers(0, 2**16, (4, 3)).astype(np.uint16)
    save(tmp_path / "deep" / "a.png", deep)
    np.testing.assert_array_equal(read(tmp_path / "deep")["train_images"][0, ..., 0], np.round(deep / 257))
    clear = np.zeros((4, 3, 4), np.uint8)
    clear[0] = 255, 0, 0, 255
    save(tmp_path / "clear" / "a.png", clear)
    assert read(tmp_path / "clear")["train_images"][0, :2, 0].tolist() == [[255, 0, 0], [255, 255, 255]]
    colours = grey(4, 3, 3)
    (tmp_path / "palette").mkdir()
    Image.fromarray(colours).quantize(12).save(tmp_path / "palette" / "a.png")
    np.testing.assert_array_equal(read(tmp_path / "palette")["train_images"][0], colours)  # 12 pixels, 12 colours
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by a quarter, clockwise
    pixels = grey(4, 3)
    save(tmp_path / "turned" / "a.png", pixels, exif=exif)
    np.testing.assert_array_equal(read(tmp_path / "turned")["train_images"][0, ..., 0], np.rot90(pixels, -1))


def test_eight_bits_in_a_file_of_sixteen_and_several_images_in_one_are_refused(tmp_path):
    for i in range(20):
        save(tmp_path / "dark" / f"{i:02d}.png", np.full((4, 3), 10 * i, np.uint16))
    for streaming in ("off", "on"):
        with pytest.raises(UsageError, match=r"00.png: its pixels, as all others, end at 190 of the 65535 of 16 bits"):
            data.load(f"folder:{tmp_path / 'dark'}", streaming=streaming)
    save(tmp_path / "dark" / "bright.png", np.full((4, 3), 2**16 - 1, np.uint16))
    for streaming in ("off", "on"):
        assert data.load(f"folder:{tmp_path / 'dark'}", streaming=streaming).meaning.startswith("grey levels up to 255")
    save(tmp_path / "black" / "a.png", np.zeros((4, 3), np.uint16))
    assert not read(tmp_path / "black")["train_images"].any()
    pages = [Image.fromarray(grey(4, 3)) for _ in range(3)]
    (tmp_path / "pages").mkdir()
    pages[0].save(tmp_path / "pages" / "a.tif", save_all=True, append_images=pages[1:])
    with pytest.raises(UsageError, match=r"a\.tif holds 3 images: expected one; save each in a file of its own"):
        read(tmp_path / "pages")


def test_a_size_crops_the_middle_and_averages(tmp_path):
    """A square about the middle, and the mean of each block."""
    blocks = np.kron(grey(2, 2), np.ones((8, 8), np.uint8))
    wide = np.pad(blocks, ((0, 0), (8, 8)))
    save(tmp_path / "a.png", wide)
    save(tmp_path / "b.png", blocks)
    with pytest.raises(UsageError, match=r"2 sizes, such as .*a.png of 32x16 and .*b.png of 16x16.*image_size"):
        read(tmp_path)
    a, b = read(tmp_path, size=16)["train_images"]
    np.testing.assert_array_equal(a, b)
    noisy = grey(16, 16)
    save(tmp_path / "a.png", noisy)
    small = sorted(read(tmp_path, size=2)["train_images"][..., 0].astype(float).tolist())
    means = lambda pixels: pixels.reshape(2, 8, 2, 8).mean(axis=(1, 3))
    np.testing.assert_allclose(
        small, sorted([means(noisy).tolist(), means(blocks).tolist()]), atol=1.01
    )  # rounded after each axis


def test_channels(tmp_path):
    save(tmp_path / "a.png", grey(4, 4))
    save(tmp_path / "b.png", grey(4, 4, 3))
    with pytest.raises(UsageError, match=r"a.png is grey and .*b.png in colour: set --config.data.channels"):
        read(tmp_path)
    assert read(tmp_path, channels=1)["train_images"].shape == (2, 4, 4, 1)
    assert read(tmp_path, channels=3)["train_images"].shape == (2, 4, 4, 3)
    for form in ({"image_size": None, "channels": 2}, {"image_size": 0, "channels": None}):
        with pytest.raises(OptionError, match=r"channels is 2|image_size is 0"):
            check_form(**form)


@pytest.mark.parametrize("cut", [0, 10, 60])
def test_a_damaged_image_is_named(tmp_path, cut):
    for i in range(3):
        save(tmp_path / f"{i}.png", grey(8, 8))
    whole = (tmp_path / "1.png").read_bytes()
    (tmp_path / "1.png").write_bytes(whole[:cut])
    with pytest.raises(UsageError, match=r"1\.png: not a whole image"):
        read(tmp_path)


def test_no_images(tmp_path):
    with pytest.raises(UsageError, match="no image in it"):
        image_files(tmp_path)
    with pytest.raises(UsageError, match="no such folder"):
        image_files(tmp_path / "none")
    save(tmp_path / "a.tif", np.zeros((2, 2), np.float32))
    with pytest.raises(UsageError, match=r"^[^ ]*a.tif: its pixels are floats"):
        read(tmp_path)


def test_a_data_set_by_its_folder(tmp_path, monkeypatch):
    """Of 20 images 2 are held out; decoded once; arrays of another source are brought to a form as files are."""
    pixels = grey(20, 12, 8, 3)
    for i, one in enumerate(pixels):
        save(tmp_path / "ab"[i % 2] / f"{i:02d}.png", one)
    form = Form(size=4, channels=1)
    dataset = data.load(f"folder:{tmp_path}", num_validation=3, form=form)
    splits = (dataset.train, dataset.validation, dataset.test)
    assert [len(split.images) for split in splits] == [15, 3, 2]
    assert dataset.meaning.endswith("labels 0 to 1")
    found = {one.tobytes(): int(y) for split in splits for one, y in zip(split.images, split.labels, strict=True)}
    assert found == {one.tobytes(): i % 2 for i, one in enumerate(formed(pixels, form))}
    monkeypatch.setattr(find, "read_folder", lambda *_: pytest.fail("decoded again"))
    again = data.load(f"folder:{tmp_path}", num_validation=3, form=form)
    np.testing.assert_array_equal(again.train.images, dataset.train.images)


@pytest.mark.parametrize("streaming", ["off", "on"])
def test_labels_are_those_of_the_folder_that_is_named(tmp_path, streaming):
    """Whatever was decoded of the same files by another folder, or when links of other names led to them."""
    labels = lambda folder: data.load(f"folder:{folder}", streaming=streaming).train.labels
    for i in range(20):
        save(tmp_path / "flowers" / "flowers" / "ab"[i % 2] / f"{i:02d}.png", np.full((4, 4), 100 + i, np.uint8))
    assert set(labels(tmp_path / "flowers")) == {0}  # of one folder
    assert set(labels(tmp_path / "flowers" / "flowers")) == {0, 1}

    links = tmp_path / "links"
    for num in (10, 9):  # of the first class; the files are the same, in the same order
        for i, path in enumerate(sorted((tmp_path / "flowers").rglob("*.png"))):
            (links / "ab"[i >= num]).mkdir(parents=True, exist_ok=True)
            (links / "ab"[i >= num] / f"{i:02d}.png").symlink_to(path)
        found = data.load(f"folder:{links}", streaming=streaming)
        assert sum((split.labels == 0).sum() for split in (found.train, found.test)) == num
        for path in links.rglob("*.png"):
            path.unlink()


def test_opacity_is_kept_where_it_is_a_channel_and_else_laid_over_white():
    clear = np.zeros((1, 4, 4, 4), np.uint8)
    clear[0, :2] = 0, 0, 200, 255
    small = formed(clear, Form(size=2))
    assert small[0, :, 0].tolist() == [[0, 0, 200, 255], [0, 0, 0, 0]]
    assert formed(clear, Form(channels=3))[0, 1:3, 0].tolist() == [[0, 0, 200], [255, 255, 255]]


def test_integers_beyond_sixteen_bits(tmp_path):
    for number in (-5, 65_536):
        save(tmp_path / "a.tif", np.array([[0, number]], np.int32))
        with pytest.raises(UsageError, match=rf"a.tif: its pixels lie in \[.*{number}.*\]: expected 0 to 65535; save"):
            read(tmp_path)


def test_grey_to_colour_and_back_is_the_same():
    pixels = grey(3, 5, 4, 1)
    colours = formed(pixels, Form(channels=3))
    assert colours.shape == (3, 5, 4, 3)
    np.testing.assert_array_equal(formed(colours, Form(channels=1)), pixels)
    assert formed(pixels, Form(channels=1)) is pixels
