"""Damage of npz files, byte by byte: the right arrays or one line that names the file, and never other arrays."""

import os
import time

import numpy as np
import pytest

from vaex.data import cache, npz
from vaex.data.sources import array_files
from vaex.errors import UsageError

RNG = np.random.default_rng(0)
IMAGES, LABELS = RNG.integers(0, 256, (6, 2, 2)).astype(np.uint8), np.arange(6) % 3
ARRAYS = {"train_images": IMAGES, "train_labels": LABELS, "test_images": IMAGES[:2], "test_labels": LABELS[:2]}


def damaged(raw):
    """One bit of each byte flipped, a different one in the next; every cut; something after the end."""
    for i in range(len(raw)):
        flipped = bytearray(raw)
        flipped[i] ^= 1 << (i % 8)
        yield bytes(flipped)
    yield from (raw[:i] for i in range(0, len(raw), 7))
    yield raw + raw


def are_right(found):
    return found.keys() == ARRAYS.keys() and all(
        found[name].dtype == array.dtype and np.array_equal(found[name], array) for name, array in ARRAYS.items()
    )


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_every_byte_of_a_users_file(tmp_path, save):
    path = tmp_path / "mine.npz"
    save(path, **ARRAYS)
    refused = []
    for raw in damaged(path.read_bytes()):
        path.write_bytes(raw)
        try:
            assert are_right(array_files.read_npz(path))
        except UsageError as error:
            refused.append(str(error))
    assert len(refused) > 500  # bits of time stamps and the like harm nothing
    assert all(str(path) in line and "\n" not in line for line in refused)


def test_every_byte_of_a_cache(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("VAEX_CACHE_DIR", str(tmp_path))
    decoded = []
    decode = lambda: decoded.append(1) or ARRAYS
    assert are_right(cache.cached("mine", [], decode))
    (path,) = (tmp_path / "data").glob("*.npz")
    for raw in damaged(path.read_bytes()):
        path.write_bytes(raw)
        assert are_right(cache.cached("mine", [], decode))
    told = capsys.readouterr().out.splitlines()
    assert 500 < len(decoded) == len(told) + 1
    assert all("damaged, and decoded again" in line and str(path) in line for line in told)


def test_a_file_replaced_by_one_of_its_size_and_time_is_decoded_again(tmp_path, monkeypatch):
    """As by an archive that is unpacked over another."""
    monkeypatch.setenv("VAEX_CACHE_DIR", str(tmp_path))
    path, decoded = tmp_path / "mine.bin", []
    for content in (b"one", b"two"):
        time.sleep(0.05)  # the system's clock of changes is not finer than some milliseconds
        path.write_bytes(content)
        os.utime(path, (1, 1))
        for _ in range(2):
            cache.cached("mine", [path], lambda content=content: decoded.append(content) or ARRAYS)
    assert decoded == [b"one", b"two"]


@pytest.mark.parametrize("change", ["name", "array", "type", "gone"])
def test_a_cache_that_is_whole_and_another_is_decoded_again(tmp_path, monkeypatch, change):
    """What no CRC of the format can tell: its checksum is over the arrays, their names, types and shapes."""
    monkeypatch.setenv("VAEX_CACHE_DIR", str(tmp_path))
    cache.cached("mine", [], lambda: ARRAYS)
    (path,) = (tmp_path / "data").glob("*.npz")
    stored = npz.read_npz(path)
    labels = stored.pop("train_labels")
    others = {"name": {"labels": labels}, "array": {"train_labels": labels[::-1]}, "gone": {}}
    np.savez(path, **stored, **(others | {"type": {"train_labels": labels.astype(np.uint64)}})[change])
    assert are_right(cache.cached("mine", [], lambda: ARRAYS))


def test_what_is_no_npz_file(tmp_path):
    path = tmp_path / "mine.npz"
    with path.open("wb") as file:
        np.save(file, IMAGES)
    with pytest.raises(UsageError, match=r"mine.npz: not a readable npz file"):
        npz.read_npz(path)
    with pytest.raises(UsageError, match=r"gone.npz: not a readable npz file"):
        npz.read_npz(tmp_path / "gone.npz")
