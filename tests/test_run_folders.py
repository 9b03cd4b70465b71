"""Run folders that are damaged, of another run, of the other precision, oddly named, or somebody else's."""

import functools
import shutil
import zlib
from pathlib import Path

import jax
import numpy as np
import pytest

import vaex
from vaex.config import read_config, save_config
from vaex.config.setup import setup
from vaex.config.task import describe_run
from vaex.errors import UsageError
from vaex.runs import checkpoints, folder, load

GARBAGE = np.random.default_rng(0).bytes(200)


def cut(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def flip(path):
    raw = bytearray(path.read_bytes() or b"\0")
    raw[len(raw) // 2] ^= 4
    path.write_bytes(raw)


def into_folder(path):
    path.unlink()
    path.mkdir()


DAMAGES = {
    "empty": lambda path: path.write_bytes(b""),
    "cut": cut,
    "random": lambda path: path.write_bytes(GARBAGE),
    "flipped": flip,
    "folder": into_folder,
    "missing": Path.unlink,
}


def refusal(read):
    """The one line that something is refused in, or None, and what is read where it is not."""
    try:
        return None, read()
    except UsageError as error:
        line = str(error)
    assert "\n" not in line, line
    assert "delete" not in line, line
    return line, None


def same(one, other):
    leaves, others = jax.tree.leaves(one), jax.tree.leaves(other)
    return len(leaves) == len(others) and all(np.array_equal(a, b) for a, b in zip(leaves, others, strict=True))


@pytest.fixture(scope="module")
def described(saved_run):
    """What opens a run, with the description of its model kept, and what is read of the undamaged one."""
    abstract = jax.eval_shape(setup(read_config(saved_run / folder.CONFIG)).init)
    kept = functools.cache(lambda text, *args: describe_run(read_config(Path(text)), *args))

    def by_its_json(config, *args):
        path = saved_run.parent / f"{zlib.crc32(config.to_json().encode())}.json"
        save_config(config, path)
        return kept(str(path), *args)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(load, "describe_run", by_its_json)
        reads = (lambda run: vaex.load(run)[1], lambda run: checkpoints.restore(folder.open_run(run), abstract))
        yield [(read, read(saved_run)) for read in reads]


@pytest.mark.parametrize("damage", DAMAGES)
def test_whatever_file_is_damaged_a_run_is_read_as_it_was_or_refused(run, saved_run, described, damage):
    """By load, which reads checkpoint 1, and by what goes on from checkpoint 2."""
    refused = set()
    for name in sorted(p.relative_to(saved_run) for p in saved_run.rglob("*") if p.is_file()):
        DAMAGES[damage](run / name)
        read, before = described[name.parts[:2] == ("checkpoints", "2") and "metrics" not in name.parts]
        line, found = refusal(lambda read=read: read(run))
        assert line or same(found, before), name
        assert line is None or str(run) in line, line
        refused |= {name.as_posix()} if line else set()
        shutil.rmtree(run / name) if (run / name).is_dir() else (run / name).unlink(missing_ok=True)
        shutil.copy(saved_run / name, run / name)
    read = {"config.json", "checkpoints/2/progress/metadata", "checkpoints/2/state/manifest.ocdbt"}
    assert read <= refused
