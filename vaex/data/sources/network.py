"""Which servers answer, and one file from one of them: a mirror that hangs or crawls is given up in good time."""

import socket
import threading
import time
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

PROBE_SECONDS = 3.0  # for a server to answer
STALL_SECONDS = 10.0  # without a byte
PATIENCE_SECONDS = 20.0  # before the mean speed is judged
SLOWEST = 10_000  # bytes a second


class DownloadError(Exception):
    """A file could not be had from one mirror; the message says why, in a few words."""


def answering(urls: Sequence[str], seconds: float) -> list[str]:
    """Those of the URLs whose servers, or the proxies on the way, take a connection; all are asked at once.

    Without asking, TFDS retries for minutes, and the look-up of a name has no timeout of its own.

    Args:
        urls: with their schemes.
        seconds: how long to wait for all of them together.

    Returns:
        A part of `urls`, in their order.
    """
    answered: set[str] = set()

    def ask(url: str) -> None:
        try:
            socket.create_connection(_address(url), timeout=seconds).close()
            answered.add(url)
        except OSError:
            pass

    threads = [threading.Thread(target=ask, args=(url,), daemon=True) for url in urls]
    for thread in threads:
        thread.start()
    until = time.monotonic() + seconds
    for thread in threads:
        thread.join(max(0.0, until - time.monotonic()))
    return [url for url in urls if url in answered]


def _address(url: str) -> tuple[str, int]:
    """The host and port that a request for the URL connects to first."""
    parts = urlsplit(url)
    proxy = urllib.request.getproxies().get(parts.scheme)
    if proxy and not urllib.request.proxy_bypass(parts.hostname or ""):
        parts = urlsplit(proxy if "//" in proxy else f"//{proxy}")
    return parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)


def download(url: str, path: Path, size: int) -> None:
    """Write the `size` bytes of a file at a URL, as they are stored there.

    Raises:
        DownloadError: another answer than the file, more or fewer bytes, or too slow a mirror.
    """
    import requests  # which comes with pooch
    import urllib3

    start, received = time.monotonic(), 0
    # A .gz file may be declared to be a page that is packed, and would arrive unpacked.
    wanted = {"Accept-Encoding": "identity"}
    try:
        with requests.get(url, headers=wanted, stream=True, timeout=(STALL_SECONDS, STALL_SECONDS)) as response:
            if not response.ok:
                raise DownloadError(f"HTTP status {response.status_code}")
            with path.open("wb") as file:
                # read1 returns what has arrived; read would wait for all of it, however slowly it comes.
                while chunk := response.raw.read1(1 << 18, decode_content=False):
                    received += file.write(chunk)
                    seconds = time.monotonic() - start
                    if received > size:
                        raise DownloadError(f"more than the {size:,} bytes of the file")
                    if seconds > PATIENCE_SECONDS and received < SLOWEST * seconds:
                        raise DownloadError(f"{received / seconds / 1000:.1f} kB a second: too slow")
    except (requests.RequestException, urllib3.exceptions.HTTPError) as error:
        if "timed out" in str(error).lower():
            raise DownloadError(
                f"no answer within {STALL_SECONDS:.0f} s after {received:,} of {size:,} bytes"
            ) from error
        raise DownloadError(f"cut after {received:,} of {size:,} bytes ({type(error).__name__})") from error
    if received < size:
        raise DownloadError(f"cut after {received:,} of {size:,} bytes")
