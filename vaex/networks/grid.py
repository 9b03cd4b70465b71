"""Networks between an image and a grid of vectors, and a causal one over a grid of codes: an affine map at each place.

A convolution is written as the concatenation of a place's neighbours and one matrix product, whose gradients are fast.
"""

import math
from collections.abc import Callable

import flax.linen as nn
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from vaex.errors import UsageError
from vaex.networks.mlp import GLOROT


class GridEncoder(nn.Module):
    """From an image to a vector for each patch of it: [H / patch, W / patch, width].

    Attributes:
        patch: the side of a patch in pixels.
        hidden: the channels of 3x3 convolutions over the grid of patches.
        width: of each vector.
        activation: the nonlinearity.
    """

    patch: int
    hidden: tuple[int, ...]
    width: int
    activation: Callable = nn.relu

    @nn.compact
    def __call__(self, x: Float[Array, "..."]) -> Float[Array, "rows columns width"]:
        rows, columns = grid_shape(x.shape, self.patch)
        h = x.reshape(rows, self.patch, columns, self.patch, -1).swapaxes(1, 2).reshape(rows, columns, -1)
        h = _convolutions(h, self.hidden, self.activation)
        return nn.Dense(self.width, kernel_init=GLOROT, name="out")(h)


class GridDecoder(nn.Module):
    """The mirror of GridEncoder: from a vector for each patch to an image.

    Attributes:
        patch: the side of a patch in pixels.
        hidden: the channels of 3x3 convolutions over the grid of patches.
        out_shape: the shape of one output, [H, W, ...].
        activation: the nonlinearity.
        out_bias: what the biases of the output, one for each of its numbers, start from, as a Flax initializer.
    """

    patch: int
    hidden: tuple[int, ...]
    out_shape: tuple[int, ...]
    activation: Callable = nn.relu
    out_bias: Callable = nn.initializers.zeros

    @nn.compact
    def __call__(self, z: Float[Array, "..."]) -> Float[Array, "..."]:
        rows, columns = grid_shape(self.out_shape[:3], self.patch)
        if z.ndim != 3 or z.shape[:2] != (rows, columns):
            raise UsageError(
                f"found a grid of shape {z.shape}: expected {(rows, columns)} vectors; jax.vmap makes a batch"
            )
        h = _convolutions(z, self.hidden, self.activation)
        each = self.patch**2 * math.prod(self.out_shape[2:])
        out = nn.Dense(each, use_bias=False, kernel_init=GLOROT, name="out")(h)
        out = out.reshape(rows, columns, self.patch, self.patch, -1).swapaxes(1, 2).reshape(self.out_shape)
        return out + self.param("bias", self.out_bias, self.out_shape)


class CausalGrid(nn.Module):
    """For each place of a grid of codes the logits of its code, from the places before it in raster order alone.

    The first layer sees the whole row above and, in its own row, what is to the left; each residual one after it sees
    one row more, and its own place: within its reach no place is blind, as some are for stacks of 3x3 masks.

    Attributes:
        num_codes: K.
        width: the channels of each layer.
        depth: how many layers there are.
        activation: the nonlinearity.

    Source: van den Oord et al. 2016, PixelRNN, for the masks A and B, here the neighbours that are left out.
    """

    num_codes: int
    width: int
    depth: int
    activation: Callable = nn.relu

    @nn.compact
    def __call__(self, indices: Int[Array, "rows columns"]) -> Float[Array, "rows columns codes"]:
        h = nn.Embed(self.num_codes, self.width, name="embed")(indices)
        before = _before(h, reach=indices.shape[1] - 1, itself=False)
        h = nn.Dense(self.width, kernel_init=GLOROT, name="causal_0")(before)
        h = h + self.param("place", nn.initializers.normal(0.1), h.shape)
        for i in range(1, self.depth):
            before = _before(self.activation(h), reach=1, itself=True)
            h = h + nn.Dense(self.width, kernel_init=GLOROT, name=f"causal_{i}")(before)
        return nn.Dense(self.num_codes, kernel_init=GLOROT, name="out")(self.activation(h))


def grid_shape(image_shape: tuple[int, ...], patch: int) -> tuple[int, int]:
    """How many patches an image has, down and across.

    Raises:
        UsageError: its sides are no multiples of the patch's.
    """
    if len(image_shape) != 3:
        raise UsageError(f"found an image of shape {tuple(image_shape)}: expected [H, W, C]; jax.vmap makes a batch")
    if image_shape[0] % patch or image_shape[1] % patch:
        raise UsageError(
            f"images of shape {tuple(image_shape)} do not divide into patches of {patch}x{patch}: "
            "set model.patch to a common divisor of their height and width"
        )
    return image_shape[0] // patch, image_shape[1] // patch


def _convolutions(h: Float[Array, "..."], hidden: tuple[int, ...], activation: Callable) -> Float[Array, "..."]:
    """3x3 convolutions, each followed by the nonlinearity; called within a module's __call__."""
    rows, columns = h.shape[:2]
    for i, width in enumerate(hidden):
        padded = jnp.pad(h, ((1, 1), (1, 1), (0, 0)))
        around = [padded[r : r + rows, c : c + columns] for r in range(3) for c in range(3)]
        h = activation(nn.Dense(width, kernel_init=GLOROT, name=f"hidden_{i}")(jnp.concatenate(around, axis=-1)))
    return h


def _before(h: Float[Array, "rows columns c"], *, reach: int, itself: bool) -> Float[Array, "rows columns many"]:
    """The row above, `reach` places to either side, and as many to the left, with or without the place itself."""
    columns = h.shape[1]
    padded = jnp.pad(h, ((1, 0), (reach, reach), (0, 0)))
    above = [padded[:-1, c : c + columns] for c in range(2 * reach + 1)]
    left = [padded[1:, c : c + columns] for c in range(reach + itself)]
    return jnp.concatenate(above + left, axis=-1)
