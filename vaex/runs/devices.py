"""The devices that a run is computed on: a batch is split over them, and parameters lie on each."""

import contextlib
from collections.abc import Callable
from typing import Any, TypeVar

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import AxisType, Mesh, NamedSharding, PartitionSpec

from vaex.errors import OptionError, UsageError
from vaex.objectives.batch import BATCH
from vaex.runs import hosts

Tree = TypeVar("Tree")


def over(num_devices: int) -> contextlib.AbstractContextManager[object]:
    """The first devices as a mesh, within which train_epoch and map_examples split each batch; none for one.

    Nor of several hosts, each of which computes all but an epoch by itself.

    Raises:
        UsageError: there are fewer.
    """
    if num_devices == 1 or hosts.are_several():
        return contextlib.nullcontext()
    return jax.set_mesh(_mesh(_first(jax.devices(), num_devices)))


def check(num_devices: int) -> None:
    """Raise a UsageError where this host has fewer devices."""
    _first(jax.local_devices(), num_devices)


def of_hosts(num_devices: int, batch_size: int) -> Mesh:
    """The first devices of each host.

    Args:
        num_devices: of each.
        batch_size: what is split over all of them.

    Raises:
        UsageError: a host has fewer, or a batch cannot be split.
    """
    num_hosts = jax.process_count()
    by_host = [[d for d in jax.devices() if d.process_index == i] for i in range(num_hosts)]
    if num_hosts > batch_size:
        most = f"at most {batch_size}, the examples of a batch, of each of which a process takes its part"
        raise OptionError("--num-processes", num_hosts, most)
    if batch_size % (num_hosts * num_devices):
        of = f"{num_hosts} processes of {num_devices} devices each"
        raise OptionError("train.batch_size", batch_size, f"a multiple of {num_hosts * num_devices}, {of}")
    return _mesh([device for own in by_host for device in _first(own, num_devices)])


def _mesh(devices: list[Any]) -> Mesh:
    return jax.make_mesh((len(devices),), (BATCH,), (AxisType.Auto,), devices=devices)


def _first(found: list[Any], num_devices: int) -> list[Any]:
    if num_devices > len(found):
        more = "; XLA_FLAGS=--xla_force_host_platform_device_count=N makes N of a CPU"
        raise UsageError(
            f"train.devices is {num_devices}: expected at most {len(found)}, the devices that jax finds"
            f"{more if found[0].platform == 'cpu' else ''}"
        )
    return found[:num_devices]


def placed(tree: Tree) -> Tree:
    """Arrays on each device of the mesh that is set, or on the one that jax takes by itself."""
    return placer()(tree)


def placer() -> Callable[[Tree], Tree]:
    """What placed does, as a function that also other threads may call, in which no mesh is set."""
    mesh = jax.sharding.get_mesh()
    if mesh.empty:
        return lambda tree: jax.tree.map(jnp.asarray, tree)
    sharding = NamedSharding(mesh, PartitionSpec())
    if not hosts.are_several():
        return lambda tree: jax.device_put(tree, sharding)

    def one(leaf: jax.Array) -> jax.Array:
        """Each host has it, and none asks the others."""
        if jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key):
            return jax.random.wrap_key_data(one(jax.random.key_data(leaf)))
        whole = np.asarray(leaf)
        return jax.make_array_from_callback(whole.shape, sharding, lambda part: whole[part])

    return lambda tree: jax.tree.map(one, tree)
