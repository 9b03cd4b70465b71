"""A convolution whose gradients are ones that XLA is fast at, also within a loop on a CPU."""

import functools

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

from vaex.networks.mlp import GLOROT


class Conv(nn.Module):
    """An affine map of the k x k neighbourhood of each position.

    Attributes:
        channels: of the output.
        kernel: k.
        padding: zeros added on each side.
        use_bias: whether each channel has a bias.
    """

    channels: int
    kernel: int = 3
    padding: int = 1
    use_bias: bool = True

    @nn.compact
    def __call__(self, x: Float[Array, "h w c"]) -> Float[Array, "h2 w2 out"]:
        shape = (self.kernel, self.kernel, x.shape[-1], self.channels)
        out = convolve(x, self.param("kernel", GLOROT, shape), self.padding)
        return out + self.param("bias", nn.initializers.zeros, (self.channels,)) if self.use_bias else out


@functools.partial(jax.custom_jvp, nondiff_argnums=(2,))
def convolve(x: Float[Array, "h w c"], kernel: Float[Array, "k k c out"], padding: int) -> Float[Array, "h2 w2 out"]:
    """The convolution of one image, as machine learning has it.

    y[h, w] = sum_ij x[h + i - padding, w + j - padding] kernel[i, j]

    Its derivative is written so that the transposed maps, which make the gradient, are a convolution in the same layout
    for x, and one matrix product for the kernel. Those that JAX derives take up to 50 times as long in a loop on a CPU.
    """
    return _convolution(x, kernel, padding, "HWIO")


@convolve.defjvp
def _convolve_jvp(padding: int, primals: tuple[Array, Array], tangents: tuple[Array, Array]) -> tuple[Array, Array]:
    (x, kernel), (dx, dkernel) = primals, tangents
    out = convolve(x, kernel, padding)
    by_x = _convolution(dx, kernel.swapaxes(2, 3), padding, "HWOI")  # whose transpose has the layout HWIO
    size, inputs, outputs = kernel.shape[0], *kernel.shape[2:]
    offsets = [(i, j) for i in range(size) for j in range(size)]
    rows, columns = out.shape[:2]
    if inputs <= outputs:  # the side with fewer channels is the one to be copied size^2 times
        wide = jnp.pad(x, ((padding, padding), (padding, padding), (0, 0)))
        patches = jnp.concatenate([wide[i : i + rows, j : j + columns] for i, j in offsets], axis=-1)
        return out, by_x + patches @ dkernel.reshape(-1, outputs)
    spread = x @ dkernel.reshape(-1, inputs, outputs).swapaxes(0, 1).reshape(inputs, -1)
    moved = [
        lax.pad(
            part,
            0.0,
            [
                (padding - i, rows - len(x) + i - padding, 0),
                (padding - j, columns - x.shape[1] + j - padding, 0),
                (0, 0, 0),
            ],
        )
        for part, (i, j) in zip(jnp.split(spread, len(offsets), axis=-1), offsets, strict=True)
    ]
    return out, by_x + functools.reduce(jnp.add, moved)


def _convolution(x: Array, kernel: Array, padding: int, layout: str) -> Array:
    pads = [(padding, padding)] * 2
    return lax.conv_general_dilated(x[None], kernel, (1, 1), pads, dimension_numbers=("NHWC", layout, "NHWC"))[0]


def downsampled(h: Float[Array, "h w c"]) -> Float[Array, "h2 w2 four_c"]:
    """Each square of 2x2 positions becomes four channels of one, with a border of one.

    A 2x2 convolution of that, without padding, is a 4x4 one with stride 2 of h, to half its size, rounded up.
    """
    rows, columns, channels = h.shape
    h = jnp.pad(h, ((1, 1 + rows % 2), (1, 1 + columns % 2), (0, 0)))
    h = h.reshape(h.shape[0] // 2, 2, h.shape[1] // 2, 2, channels).swapaxes(1, 2)
    return h.reshape(*h.shape[:2], 4 * channels)


def upsampled(h: Float[Array, "h w four_c"], size: tuple[int, ...]) -> Float[Array, "h2 w2 c"]:
    """Four channels of each position become a square of 2x2 positions; what exceeds `size` is cut off.

    After a convolution this is a transposed one of twice the kernel's width, without its zeros to multiply by.

    Source: Shi et al. 2016, the sub-pixel convolution, section 3.2.
    """
    rows, columns, channels = h.shape
    h = h.reshape(rows, columns, 2, 2, channels // 4).swapaxes(1, 2)
    return h.reshape(2 * rows, 2 * columns, channels // 4)[: size[0], : size[1]]
