"""TFDS's folders and downloads, read in a process of its own."""

import importlib.util
import json
import subprocess
import sys
import tempfile
from pathlib import Path

from vaex.data import npz
from vaex.data.sources.place import Arrays
from vaex.errors import UsageError

ADD_TENSORFLOW = "`make setup EXTRAS=tfds`, and the same command again"
TFDS_URL = "https://storage.googleapis.com/"


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
