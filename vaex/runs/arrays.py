"""The arrays of a checkpoint, read by orbax: that they are those that are wanted, in the precision of this process."""

import contextlib
import re
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Protocol, TypeVar

import jax
import jax.numpy as jnp
import numpy as np
import orbax.checkpoint as ocp
from etils import epath

from vaex.errors import UsageError
from vaex.files import first_line

Tree = TypeVar("Tree")


class _Leaf(Protocol):
    """An array, its metadata, or its shape and dtype alone."""

    @property
    def shape(self) -> tuple[int, ...]: ...

    @property
    def dtype(self) -> np.dtype: ...


PUT_BACK = "the run's config.json and dataset.json are not those that it was trained by: put those back"


def read(place: Path, abstract: Tree, cure: str, *, of_others: str = PUT_BACK) -> Tree:
    """The arrays of a checkpoint, as numpy's and in the precision that they were saved in.

    Args:
        place: the checkpoint's folder.
        abstract: the shapes and dtypes of those parts of the state that are asked for.
        cure: what to do where they cannot be read.
        of_others: what to do where they are of another model or optimizer.

    Raises:
        UsageError: they cannot be read, or are of another model or optimizer.
    """
    wanted = jax.eval_shape(plain, abstract)
    arguments = jax.tree.map(lambda _: ocp.RestoreArgs(restore_type=np.ndarray), wanted)
    item = ocp.args.PyTreeRestore(item=wanted, restore_args=arguments, partial_restore=True)
    handler = ocp.PyTreeCheckpointHandler(multiprocessing_options=alone())
    with nameable(place) as folder:
        directory = epath.Path(folder / "state")
        with _one_line(place, cure):
            saved = handler.metadata(directory).tree
            found = _leaves({part: saved.get(part) for part in _parts(wanted)})
        _check_same(found, _leaves(wanted), place, of_others)
        with _one_line(place, cure):
            return handler.restore(directory, args=item)


def alone() -> ocp.options.MultiprocessingOptions:
    """Of several processes each reads by itself, and the one that writes waits for no other."""
    own = jax.process_index()
    return ocp.options.MultiprocessingOptions(primary_host=own, active_processes={own})


@contextlib.contextmanager
def nameable(path: Path) -> Iterator[Path]:
    """A folder by a name that orbax takes for no pattern, as it does one with brackets; else a link of such a name."""
    if re.fullmatch(r"[^*?\[\]\\\ud800-\udfff]*", str(path)):
        yield path.absolute()
        return
    with tempfile.TemporaryDirectory(prefix="vaex-") as folder:
        link = Path(folder) / "run"
        link.symlink_to(path.resolve(), target_is_directory=True)
        yield link


def plain(state: Tree) -> Tree:
    """A state with the bits of its random keys, which are arrays, in place of the keys."""
    return jax.tree.map(lambda leaf: jax.random.key_data(leaf) if _is_key(leaf) else leaf, state)


def restored(state: Tree, abstract: Tree) -> Tree:
    """Saved arrays, on the device, as the abstract state has them: in this process's precision, and keys as keys."""

    def one(leaf: np.ndarray, wanted: jax.ShapeDtypeStruct) -> jax.Array:
        if _is_key(wanted):
            return jax.random.wrap_key_data(jnp.asarray(leaf))
        return jax.device_put(np.asarray(leaf).astype(wanted.dtype))

    return jax.tree.map(one, state, abstract)


def _check_same(saved: Mapping[str, _Leaf], wanted: Mapping[str, _Leaf], place: Path, cure: str) -> None:
    """What is saved is what is wanted; 32 and 64 bits of a kind are the same.

    Args:
        saved: the leaves of a checkpoint, of which shapes and dtypes are looked at.
        wanted: those of a state.
        place: of the checkpoint.
        cure: what to do where it is not.

    Raises:
        UsageError: a leaf more or less, or one of another shape or kind.
    """
    for name, leaf in wanted.items():
        if name not in saved:
            raise UsageError(f"checkpoint {place} has no {name}, which the config's model or optimizer has; {cure}")
        if saved[name].shape != leaf.shape:
            shapes = f"has shape {saved[name].shape}: expected {leaf.shape} by the config"
            raise UsageError(f"{name} in checkpoint {place} {shapes}; {cure}")
        if _kind(saved[name]) != _kind(leaf):
            raise UsageError(f"{name} in checkpoint {place} is {saved[name].dtype}: expected {leaf.dtype}; {cure}")
    if more := [name for name in saved if name not in wanted]:
        raise UsageError(f"checkpoint {place} has {more[0]}, which the config's model and optimizer have not; {cure}")


def _leaves(tree: object) -> dict[str, _Leaf]:
    """The leaves of a tree by their places, such as params/decoder/out/bias."""
    found, _ = jax.tree_util.tree_flatten_with_path(tree)
    return {"/".join(map(_part, path)): leaf for path, leaf in found}


def _parts(tree: object) -> list[str]:
    """The names of what a tree has at its top, even where that has no leaves."""
    found, _ = jax.tree_util.tree_flatten_with_path(tree, is_leaf=lambda node: node is not tree)
    return [_part(path[0]) for path, _ in found]


@contextlib.contextmanager
def _one_line(place: Path, cure: str) -> Iterator[None]:
    """Whatever a reader raises on bytes that are not what was written is one line."""
    try:
        yield
    except Exception as error:
        raise UsageError(f"checkpoint {place} cannot be read ({first_line(error)}); {cure}") from None


def _kind(leaf: _Leaf) -> str:
    dtype = np.dtype(leaf.dtype)
    may_differ = any(np.issubdtype(dtype, family) for family in (np.floating, np.integer)) and dtype.itemsize in (4, 8)
    return dtype.kind if may_differ else dtype.name


def _is_key(leaf: _Leaf) -> bool:
    return jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key)


def _part(key: object) -> str:
    """Of a name: the key of a dict, the field of a tuple, or the index."""
    return jax.tree_util.keystr((key,), simple=True)
