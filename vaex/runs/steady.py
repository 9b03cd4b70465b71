"""What is read of a run that may be training meanwhile."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from vaex.errors import UsageError
from vaex.runs.folder import checkpoints

Read = TypeVar("Read")
_TRIES = 20
_SECONDS = 0.2  # in which a checkpoint that another replaces is gone


def steadily(path: Path, read: Callable[[], Read]) -> Read:
    """What `read` reads of a run's checkpoints, again where that fails and they are others by now.

    A run that trains removes a checkpoint that a newer or a better one replaces, also while it is read.

    Raises:
        UsageError: what `read` says of checkpoints that stay.
    """
    for _ in range(_TRIES):
        before = checkpoints(path)
        try:
            return read()
        except UsageError:
            time.sleep(_SECONDS)
            if checkpoints(path) == before:
                raise
    return read()
