"""EMNIST's six parts, by the names of their published files: in a folder, or in the archive that holds all of them."""

import zipfile
from pathlib import Path

from vaex.data.sources.idx import idx_array
from vaex.data.sources.place import Arrays
from vaex.errors import UsageError

ARCHIVE = "gzip.zip"
PARTS = ("byclass", "bymerge", "balanced", "letters", "digits", "mnist")  # emnist alone is the first, as TFDS has it


def emnist_files(name: str, folder: Path) -> dict[str, Path]:
    """The files of emnist or emnist/PART in a folder's emnist/, its gzip/ or its PART/, by the array that each holds.

    Returns:
        Files, gzipped or not; all of them are the archive where there is that alone; {} where there is nothing.

    Raises:
        UsageError: the folder has other parts than the one that is named.
    """
    base, _, part = name.partition("/")
    if base != "emnist" or (part and part not in PARTS):
        return {}
    part, whole = part or PARTS[0], folder / base
    places = [whole, whole / "gzip", whole / part]
    for place in places:
        gzipped = {key: place / file for key, file in _names(part).items()}
        found = {key: p for key, path in gzipped.items() for p in (path, path.with_suffix("")) if p.is_file()}
        if "train_images" in found:
            return found
    if (whole / ARCHIVE).is_file():
        return dict.fromkeys(_names(part), whole / ARCHIVE)
    others = [one for one in PARTS if any([*place.glob(f"emnist-{one}-train-images-*")] for place in places)]
    if others:
        raise UsageError(
            f"data.name is {name!r}, and {whole} has files of EMNIST's {' and '.join(others)}, none of {part}: set "
            f"--config.data.name=emnist/{others[0]}, or add emnist-{part}-train-images-idx3-ubyte.gz and so on"
        )
    return {}


def read_emnist(files: dict[str, Path], name: str) -> Arrays:
    """The arrays of such files.

    Raises:
        UsageError: one that is damaged.
    """
    archives = {path for path in files.values() if path.name == ARCHIVE}
    if archives:
        return read_archive(archives.pop(), name)
    return {key: idx_array(path.read_bytes(), str(path)) for key, path in files.items()}


def read_archive(path: Path, name: str) -> Arrays:
    """The arrays of emnist or emnist/PART in the published archive.

    Raises:
        UsageError: it is damaged, or another's.
    """
    part = name.partition("/")[2] or PARTS[0]
    try:
        with zipfile.ZipFile(path) as stored:
            raw = {key: (f"gzip/{file}", stored.read(f"gzip/{file}")) for key, file in _names(part).items()}
    except (zipfile.BadZipFile, KeyError, OSError) as error:
        raise UsageError(f"{path}: not EMNIST's archive ({error}): get it again") from None
    return {key: idx_array(file, f"{path}: {member}") for key, (member, file) in raw.items()}


def _names(part: str) -> dict[str, str]:
    return {
        f"{split}_{kind}": f"emnist-{part}-{split}-{kind}-idx{rank}-ubyte.gz"
        for split in ("train", "test")
        for kind, rank in (("images", 3), ("labels", 1))
    }
