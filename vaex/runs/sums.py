"""The checksums of a checkpoint's files, which are kept beside them."""

import zlib
from pathlib import Path

from vaex.config.stored import check_type, read_json
from vaex.errors import UsageError
from vaex.runs.files import write_json

_SUMS = "crc32.json"


def write_sums(place: Path) -> None:
    """Write the checksums of a checkpoint's files."""
    write_json(place / _SUMS, _sums(place, ""))


def check_sums(place: Path, cure: str, *, under: str = "") -> None:
    """A checkpoint's files are those that were written; of a run from before there are no checksums.

    Args:
        place: the checkpoint's folder.
        cure: what to do where they are not.
        under: which of them, by the start of their paths in it.

    Raises:
        UsageError: one that is missing or does not match its checksum.
    """
    if not (place / _SUMS).exists():
        return
    written, found = check_type(read_json(place / _SUMS), dict, str(place / _SUMS)), _sums(place, under)
    for name, crc in written.items():
        if name.startswith(under) and found.get(name) != crc:
            what = "does not match its checksum" if name in found else "is missing"
            raise UsageError(f"checkpoint {place} is damaged: {name} {what}; {cure}")


def _sums(place: Path, under: str) -> dict[str, int]:
    files = {path.relative_to(place).as_posix(): path for path in sorted(place.rglob("*")) if path.is_file()}
    try:
        return {
            name: zlib.crc32(path.read_bytes())
            for name, path in files.items()
            if name.startswith(under) and name != _SUMS
        }
    except OSError as error:
        raise UsageError(f"cannot read {error.filename}: {error.strerror or error}; mend its permissions") from None
