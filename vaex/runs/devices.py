"""The devices that a run is computed on: a batch is split over them, and parameters lie on each."""

import contextlib
from collections.abc import Callable
from typing import Any, TypeVar

import jax
import jax.numpy as jnp
from jax.sharding import AxisType, NamedSharding, PartitionSpec

from vaex.errors import UsageError
from vaex.objectives.batch import BATCH

Tree = TypeVar("Tree")


def over(num_devices: int) -> contextlib.AbstractContextManager[object]:
    """The first devices as a mesh, within which train_epoch and map_examples split each batch; none for one.

    Raises:
        UsageError: there are fewer.
    """
    if num_devices == 1:
        return contextlib.nullcontext()
    found = jax.devices()
    if num_devices > len(found):
        more = "; XLA_FLAGS=--xla_force_host_platform_device_count=N makes N of a CPU"
        raise UsageError(
            f"train.devices is {num_devices}: expected at most {len(found)}, the devices that jax finds"
            f"{more if found[0].platform == 'cpu' else ''}"
        )
    return jax.set_mesh(jax.make_mesh((num_devices,), (BATCH,), (AxisType.Auto,), devices=found[:num_devices]))


def placed(tree: Tree) -> Tree:
    """Arrays on each device of the mesh that is set, or on the one that jax takes by itself."""
    return placer()(tree)


def placer() -> Callable[[Any], Any]:
    """What placed does, as a function that also other threads may call, in which no mesh is set."""
    mesh = jax.sharding.get_mesh()
    if mesh.empty:
        return lambda tree: jax.tree.map(jnp.asarray, tree)
    return lambda tree: jax.device_put(tree, NamedSharding(mesh, PartitionSpec()))
