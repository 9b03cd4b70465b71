"""What a study has computed is kept in a file, and read from there the next time."""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from vaex.files import replaced
from vaex.runs.console import say

Numbers = dict[str, Any]


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
