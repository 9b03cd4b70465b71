"""The journal of a search, which optuna writes: opened after whatever has ended the search before."""

import os
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from vaex.config.stored import check_fields, parse, read_text
from vaex.files import writing
from vaex.runs.files import check_files

if TYPE_CHECKING:
    from optuna.storages import JournalStorage

JOURNAL = "search.journal"


def open_journal(optuna: ModuleType, path: Path) -> "JournalStorage":
    """The journal in a search's folder, which this process holds, so that no lock of optuna's there is anybody's.

    Args:
        optuna: the package.
        path: the folder.

    Raises:
        UsageError: a line of it is none of optuna's.
        WriteError: it cannot be written.
    """
    check_files(path, JOURNAL)
    file = path.resolve() / JOURNAL  # the links by which optuna locks it lead nowhere from a relative path
    with writing(file):
        for lock in file.parent.glob(f"{JOURNAL}.lock*"):
            lock.unlink()
        if file.exists():
            _cut(file)
        journal = optuna.storages.journal
        return journal.JournalStorage(journal.JournalFileBackend(str(file)))


def _cut(file: Path) -> None:
    """Take back a last line that a full disk or a kill has cut short, behind which optuna would write on."""
    *lines, rest = read_text(file).split("\n")
    for i, line in enumerate(lines, 1):
        where = f"{file}, line {i}"
        check_fields(parse(line, where, has_nan=True), {"op_code": int}, where)
    if rest:
        os.truncate(file, file.stat().st_size - len(rest.encode()))
