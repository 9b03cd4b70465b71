"""A table in place of a network, for inputs that are one-hot vectors."""

import flax.linen as nn
import jax.numpy as jnp
from jaxtyping import Array, Float


class LookupTable(nn.Module):
    """An output for every joint state of one-hot vectors; of no vectors, one output: a free parameter.

    raw = table[s_1, ..., s_n],   linear in each vector, so that relaxed ones have an output too

    Attributes:
        out_shape: the shape of one output.
        scale: the standard deviation of the normal distribution that the entries start from.
    """

    out_shape: tuple[int, ...]
    scale: float = 0.1

    @nn.compact
    def __call__(self, *one_hot: Float[Array, "..."]) -> Float[Array, "..."]:
        shape = (*(vector.size for vector in one_hot), *self.out_shape)
        raw = self.param("table", nn.initializers.normal(self.scale), shape)
        for vector in one_hot:
            raw = jnp.tensordot(vector.ravel(), raw, axes=1)
        return raw
