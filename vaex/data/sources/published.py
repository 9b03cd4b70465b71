"""Data sets fetched as the files that their authors published: a name -> files with a checksum, and mirrors of them."""

import hashlib
import os
from pathlib import Path
from typing import NamedTuple

from vaex.data.cache import alone_in
from vaex.data.sources.emnist import ARCHIVE, PARTS, read_archive
from vaex.data.sources.idx import idx_files, read_idx_files
from vaex.data.sources.network import PROBE_SECONDS, DownloadError, answering, download
from vaex.data.sources.place import Arrays
from vaex.errors import UsageError, WriteError
from vaex.files import cache_dir


class File(NamedTuple):
    """One published file."""

    size: int  # bytes
    sha256: str


class Published(NamedTuple):
    """A data set's files, and the folders of the web that hold them, which are tried in turn."""

    mirrors: tuple[str, ...]
    files: dict[str, File]


# Sizes and checksums are those of tensorflow_datasets' url_checksums.
PUBLISHED = {
    "mnist": Published(
        ("https://storage.googleapis.com/cvdf-datasets/mnist/", "https://ossci-datasets.s3.amazonaws.com/mnist/"),
        {
            "train-images-idx3-ubyte.gz": File(
                9912422, "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609"
            ),
            "train-labels-idx1-ubyte.gz": File(
                28881, "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c"
            ),
            "t10k-images-idx3-ubyte.gz": File(
                1648877, "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6"
            ),
            "t10k-labels-idx1-ubyte.gz": File(4542, "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6"),
        },
    ),
    "fashion_mnist": Published(
        (
            "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
            "https://storage.googleapis.com/tensorflow/tf-keras-datasets/",
            "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",
        ),
        {
            "train-images-idx3-ubyte.gz": File(
                26421880, "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84"
            ),
            "train-labels-idx1-ubyte.gz": File(
                29515, "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845"
            ),
            "t10k-images-idx3-ubyte.gz": File(
                4422102, "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073"
            ),
            "t10k-labels-idx1-ubyte.gz": File(5148, "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5"),
        },
    ),
    "kmnist": Published(
        ("http://codh.rois.ac.jp/kmnist/dataset/kmnist/", "https://codh.rois.ac.jp/kmnist/dataset/kmnist/"),
        {
            "train-images-idx3-ubyte.gz": File(
                18165135, "51467d22d8cc72929e2a028a0428f2086b092bb31cfb79c69cc0a90ce135fde4"
            ),
            "train-labels-idx1-ubyte.gz": File(
                29497, "e38f9ebcd0f3ebcdec7fc8eabdcdaef93bb0df8ea12bee65224341c8183d8e17"
            ),
            "t10k-images-idx3-ubyte.gz": File(
                3041136, "edd7a857845ad6bb1d0ba43fe7e794d164fe2dce499a1694695a792adfac43c5"
            ),
            "t10k-labels-idx1-ubyte.gz": File(5120, "20bb9a0ef54c7db3efc55a92eef5582c109615df22683c380526788f98e42a1c"),
        },
    ),
    "emnist": Published(
        ("https://biometrics.nist.gov/cs_links/EMNIST/", "http://www.itl.nist.gov/iaui/vip/cs_links/EMNIST/"),
        {ARCHIVE: File(561753746, "fb9bb67e33772a9cc0b895e4ecf36d2cf35be8b709693c3564cea2a019fcda8e")},
    ),
}


def is_published(name: str) -> bool:
    """Whether the table has it: mnist, fashion_mnist, kmnist, emnist or emnist/letters."""
    base, slash, part = name.partition("/")
    return base in PUBLISHED and (not slash or (base == "emnist" and part in PARTS))


def read_published(name: str) -> Arrays:
    """The arrays of a published data set, whose files are fetched where they are not in the cache.

    Raises:
        UsageError: no mirror has them whole.
    """
    base = name.partition("/")[0]
    folder = fetched(base, cache_dir() / "published" / base)
    if base != "emnist":
        return read_idx_files(idx_files(folder))
    return read_archive(folder / ARCHIVE, name)


def fetched(name: str, folder: Path) -> Path:
    """The folder, with every file of the data set in it: those that are missing or damaged come from a mirror.

    Args:
        name: of PUBLISHED.
        folder: where the files lie, or will.

    Returns:
        `folder`.

    Raises:
        UsageError: no mirror has them whole; the message says of each what is wrong with it.
    """
    missing = lambda: {file: of for file, of in PUBLISHED[name].files.items() if not _is_whole(folder / file, of)}
    if missing():
        with alone_in(folder, "tmp*"):  # as pooch calls what it has half of
            _fetch(name, folder, missing())
    return folder


def _fetch(name: str, folder: Path, missing: dict[str, File]) -> None:
    """Those that are missing, which another process may have fetched meanwhile."""
    data = PUBLISHED[name]
    mirrors = answering(data.mirrors, PROBE_SECONDS)
    failed = {m: f"did not answer within {PROBE_SECONDS:.0f} s" for m in data.mirrors if m not in mirrors}
    size = sum(known.size for known in missing.values())
    told = ""
    for file, known in missing.items():
        while mirrors:
            if told != (told := mirrors[0]):
                print(f"fetching {name}, {size / 1e6:,.1f} MB, from {told} into {folder}", flush=True)
            try:
                _retrieve(f"{mirrors[0]}{file}", folder / file, known)
                break
            except DownloadError as error:  # what failed once is not asked for the next file
                failed[mirrors.pop(0)] = f"{file}: {error}"
                print(f"{told}{file}: {error}", flush=True)
        else:
            raise UsageError("; ".join(f"{mirror} {reason}" for mirror, reason in failed.items()))


def _is_whole(path: Path, known: File) -> bool:
    if not path.is_file() or path.stat().st_size != known.size:
        return False
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest() == known.sha256


def _retrieve(url: str, path: Path, known: File) -> None:
    """By pooch: into a file of another name, which takes its own when its checksum is right."""
    try:
        import pooch
    except ModuleNotFoundError:
        raise UsageError("pooch, which fetches data sets, is not installed: pip install pooch") from None

    def get(fname: str, action: str | os.PathLike | None, pooch: object, *, check_only: bool | None = None) -> None:
        download(fname, Path(action or path), known.size)  # the names are pooch's: a URL, and a file of another name

    pooch.get_logger().setLevel("WARNING")
    try:
        pooch.retrieve(url, f"sha256:{known.sha256}", fname=path.name, path=path.parent, downloader=get)
    except ValueError as error:  # pooch's word for a checksum
        raise DownloadError("another checksum than the published file's") from error
    except OSError as error:
        raise WriteError(path, error.strerror or str(error)) from error
