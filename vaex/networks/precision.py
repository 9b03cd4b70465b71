"""In what precision networks compute: a name -> a function's version whose networks compute so."""

import functools
from collections.abc import Callable
from typing import TypeVar

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Array

from vaex.networks.convolution import Conv, convolve

F = TypeVar("F", bound=Callable)
_LAYERS: dict[type[nn.Module], Callable[[nn.Module, Array, Array], Array]] = {
    nn.Dense: lambda layer, x, kernel: x @ kernel,
    Conv: lambda layer, x, kernel: convolve(x, kernel, layer.padding),  # pyright: ignore[reportAttributeAccessIssue]
}


def float32(f: F) -> F:
    """The function itself: parameters, networks and densities alike are of float32."""
    return f


def bfloat16(f: F) -> F:
    """A function within which the affine maps and convolutions of Flax modules are computed in bfloat16.

    A product has 8 bits; biases are added to it in float32, in which parameters, their gradients and what a module
    gives to its caller stay: likelihoods, KLs and log-weights are computed as before. A CPU gains no speed from it.

    Args:
        f: any function that applies modules, also ones whose parameters exist already.

    Returns:
        A function of the same arguments.

    Source: Micikevicius et al. 2018, mixed precision training; bfloat16 needs no scaling of the loss.
    """

    @functools.wraps(f)
    def lower(*args: object, **kwargs: object) -> object:
        with nn.intercept_methods(_in_bfloat16):
            return f(*args, **kwargs)

    return lower  # pyright: ignore[reportReturnType]


PRECISIONS = {"float32": float32, "bfloat16": bfloat16}


def _in_bfloat16(call: Callable, args: tuple, kwargs: dict, context: nn.module.InterceptorContext) -> object:
    layer = context.module
    product = _LAYERS.get(type(layer))
    if context.method_name != "__call__" or not layer.has_variable("params", "kernel") or product is None:
        found = call(*args, **kwargs)
    else:
        weights = layer.variables["params"]
        found = product(layer, _half(args[0]), _half(weights["kernel"]))
        found = _whole(found) + weights["bias"] if "bias" in weights else found
    return found if layer.path else jax.tree.map(_whole, found)


def _half(a: Array) -> Array:
    return a.astype(jnp.bfloat16)


def _whole(a: Array) -> Array:
    return a.astype(jnp.float32) if a.dtype == jnp.bfloat16 else a
