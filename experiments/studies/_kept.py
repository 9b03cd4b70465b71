"""What a study has computed is kept in a file, and read from there the next time."""

import functools
import json
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from vaex.data import load
from vaex.files import replaced
from vaex.runs.console import say

Numbers = dict[str, Any]


def found_part(name: str, dir: str = "") -> str:
    """What the name of a kept file has of the data set that is found here: "" of a whole one, else its label."""
    label = _label(name, dir)
    return "" if label == name else "_" + re.sub(r"\W+", "_", label.removeprefix(name)).strip("_")


@functools.cache
def _label(name: str, dir: str) -> str:
    return load(name, dir=dir or None, num_validation=0).label


def kept(path: Path, compute: Callable[[], Numbers], *, tell: Callable[[Numbers], str]) -> Numbers:
    """The numbers of a JSON file, which is written where it is not there.

    Args:
        path: the file.
        compute: what is to stand there.
        tell: what is said of it when it is new, in a few words.
    """
    if path.is_file():
        say(f"{path}: kept")
        return json.loads(path.read_text(encoding="utf-8"))
    start = time.monotonic()
    found = compute()
    with replaced(path) as file:
        file.write(json.dumps(found).encode())
    say(f"{path}: {time.monotonic() - start:.0f} s, {tell(found)}")
    return found
