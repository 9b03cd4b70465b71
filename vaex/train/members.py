"""Several runs in one program: one after another on each core of a CPU, side by side on any other device."""

from collections.abc import Callable
from typing import TypeVar

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh, NamedSharding
from jax.sharding import PartitionSpec as P
from jaxtyping import Array

Tree = TypeVar("Tree")  # a pytree of arrays
_AXIS = "members"


def for_members(num_members: int) -> Mesh:
    """All devices, or as many as there are members."""
    return Mesh(np.array(jax.devices()[:num_members]), (_AXIS,))


def each_member(function: Callable[..., Tree], mesh: Mesh) -> Callable[..., Tree]:
    """A function of one member, as one of all of them.

    On CPUs members are spread over the devices, and on each they are computed one after another, by lax.map, so that
    each has the digits that it has alone; elsewhere by vmap.

    Args:
        function: (*own, *shared) -> a pytree of arrays.
        mesh: of for_members, whose size divides the number of members.

    Returns:
        (own [M, ...], shared) -> the function's values, [M, ...].
    """
    apart = mesh.devices.flat[0].platform == "cpu"

    def some(own: tuple, shared: tuple) -> Tree:
        one = lambda member: function(*member, *shared)
        return jax.lax.map(one, own) if apart else jax.vmap(one)(own)

    specs = (P(_AXIS), P())
    return jax.shard_map(some, mesh=mesh, in_specs=specs, out_specs=P(_AXIS), check_vma=False)


def only_if(active: Array, function: Callable[[], Tree]) -> Tree:
    """What a function computes, or zeros of its shapes without computing it."""
    zeros = lambda: jax.tree.map(lambda a: jnp.zeros(a.shape, a.dtype), jax.eval_shape(function))
    return jax.lax.cond(active, function, zeros)


def spread(members: Tree, mesh: Mesh) -> Tree:
    """Arrays [M, ...] as each_member wants them: over the devices."""
    return jax.device_put(members, NamedSharding(mesh, P(_AXIS)))


def shared(arrays: Tree, mesh: Mesh) -> Tree:
    """Arrays that every member reads, on each device."""
    return jax.device_put(arrays, NamedSharding(mesh, P()))
