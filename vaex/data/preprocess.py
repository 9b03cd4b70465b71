"""From uint8 pixels to what a likelihood is defined on: pure functions of a key."""

import math
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax.extend.random import threefry_2x32
from jaxtyping import Array, Float, PRNGKeyArray, UInt8, UInt16

Images = UInt8[Array, "*batch h w c"]


@jax.jit  # one program where images are made outside of one, not a dozen
def binarize_dynamic(key: PRNGKeyArray, images: Images) -> Float[Array, "*batch h w c"]:
    """Draw each pixel as a Bernoulli variable with its grey value as the probability, anew at each call.

    P(x = 1) = images / 255, to within 2^-17, and exactly for black and white

    Source: Salakhutdinov and Murray 2008; Burda et al. 2015, section 5.
    """
    grey = images.astype(jnp.uint32)
    return (_random_16_bits(key, images.shape) < grey * 257 + (grey >> 7)).astype(jnp.float32)  # 255 * 257 + 1 = 2^16


def binarize_threshold(key: PRNGKeyArray, images: Images) -> Float[Array, "*batch h w c"]:
    """One where the grey value is above one half. The key is unused."""
    return (images > 127).astype(jnp.float32)


def scale(key: PRNGKeyArray, images: Images) -> Float[Array, "*batch h w c"]:
    """Grey values in [0, 1], as they are. The key is unused."""
    return images.astype(jnp.float32) / 255


@jax.jit
def dequantize(key: PRNGKeyArray, images: Images) -> Float[Array, "*batch h w c"]:
    """Grey values spread over their bins, so that a density on [0, 1] bounds the probability of the 256 levels.

    x = (images + u) / 256,   u ~ U[0, 1] in steps of 2^-15;   log P(images) >= E_u[log p(x)] - D log 256

    u is never 0 or 1, and x within its bin.

    Source: Theis, van den Oord and Bethge 2016, section 3.1.
    """
    u = ((_random_16_bits(key, images.shape) >> 1).astype(jnp.float32) + 0.5) / 2**15  # to which levels add exactly
    return (images.astype(jnp.float32) + u) / 256


def as_they_are(key: PRNGKeyArray, rows: Float[Array, "*batch d"]) -> Float[Array, "*batch d"]:
    """Rows of a table, in units of their own. The key is unused."""
    return rows


def _random_16_bits(key: PRNGKeyArray, shape: tuple[int, ...]) -> UInt16[Array, "..."]:
    """Two to a 32-bit word of threefry: a quarter of jax.random.bits' work, which takes a block of 64 for each."""
    size = math.prod(shape)
    data = jax.random.key_data(key).reshape(-1)[:2]  # of other generators, whose keys are longer, two words of the key
    words = threefry_2x32(data, jnp.arange((size + 1) // 2, dtype=jnp.uint32))
    return jax.lax.bitcast_convert_type(words, jnp.uint16).reshape(-1)[:size].reshape(shape)


class Preprocess(NamedTuple):
    """How pixels become data, and what may be said about the results."""

    apply: Callable[[PRNGKeyArray, Array], Array]
    defined_on: str  # "binary", "levels" in 0, 1/255, ..., 1, "density", "rows" or "grey", on which no likelihood is


BINARIZE = {
    "dynamic": Preprocess(binarize_dynamic, "binary"),
    "threshold": Preprocess(binarize_threshold, "binary"),
    "none": Preprocess(scale, "grey"),
}
