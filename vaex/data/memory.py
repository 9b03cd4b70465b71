"""Whether memory has room for what is to be read."""

import os
from pathlib import Path

from vaex.errors import UsageError


def check_memory(needed: float, what: str, *, cure: str = "take a sample of its rows, or fewer columns") -> None:
    """There is room for something.

    Args:
        needed: bytes.
        what: it is, for the error.
        cure: how to need less.

    Raises:
        UsageError: there is not.
    """
    room = available_memory()
    if needed > room:
        found = f"{what} needs about {needed / 1e9:,.1f} GB of memory to be read, and {room / 1e9:,.1f} GB are free"
        raise UsageError(f"{found}: {cure}")


def available_memory() -> float:
    """Bytes that may still be allocated; of all that there is, where the system does not say."""
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
        return 1024.0 * next(int(line.split()[1]) for line in lines if line.startswith("MemAvailable:"))
    except (OSError, StopIteration, ValueError):
        return float(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
