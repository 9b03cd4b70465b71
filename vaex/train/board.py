"""A run's metrics for TensorBoard, written at once: what the system refuses is raised where it happens."""

import contextlib
import secrets
import time
from collections.abc import Mapping
from pathlib import Path

from tensorboardX.proto.event_pb2 import Event, SessionLog  # pyright: ignore[reportAttributeAccessIssue]
from tensorboardX.record_writer import RecordWriter
from tensorboardX.summary import scalar

from vaex.files import writing


class Board:
    """An event file of a run; without the thread of tensorboardX's writer, which waits for ever once a write failed.

    Args:
        folder: where event files lie.
        first: the first epoch to be written; what earlier files have from there on is taken back.

    Raises:
        WriteError: it cannot be written.
    """

    def __init__(self, folder: Path, first: int) -> None:
        self._folder = folder
        with writing(folder):
            folder.mkdir(exist_ok=True)
            name = f"events.out.tfevents.{int(time.time())}.{secrets.token_hex(4)}"
            self._records = RecordWriter(str(folder / name))
            self._write(Event(file_version="brain.Event:2"))
            self._write(Event(step=first, session_log=SessionLog(status=SessionLog.START)))

    def add(self, scalars: Mapping[str, float], epoch: int) -> None:
        """Write numbers of an epoch by their names."""
        with writing(self._folder):
            for name, value in scalars.items():
                self._write(Event(step=epoch, summary=scalar(name, value)))
            self._records.flush()

    def close(self) -> None:
        """Close the file; every epoch was written before."""
        with contextlib.suppress(OSError):
            self._records.close()

    def _write(self, event: Event) -> None:
        event.wall_time = time.time()
        self._records.write(event.SerializeToString())
