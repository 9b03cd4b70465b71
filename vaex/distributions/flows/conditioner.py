"""The network inside a coupling or an autoregressive step."""

import itertools
from collections.abc import Callable

import flax.linen as nn
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

Masks = tuple[np.ndarray, ...]  # of zeros and ones, one for each matrix, [in, out]


class Conditioner(nn.Module):
    """A multilayer perceptron from z to `width` numbers, with a context that is added into its first layer.

    The last matrix starts at zero, so that the output starts at its bias.

    Attributes:
        hidden: the width of each hidden layer.
        width: of the output.
        activation: the nonlinearity of the hidden layers.
        masks: what is left of each matrix; None for all of it.
        out_bias: what the output's biases start from, as a Flax initializer.
    """

    hidden: tuple[int, ...]
    width: int
    activation: Callable
    masks: Masks | None = None
    out_bias: Callable = nn.initializers.zeros

    @nn.compact
    def __call__(self, z: Float[Array, " d"], context: Float[Array, " c"]) -> Float[Array, " width"]:
        h, zeros, last = z, nn.initializers.zeros, len(self.hidden)
        for i, width in enumerate((*self.hidden, self.width)):
            start = zeros if i == last else nn.initializers.glorot_uniform()
            kernel = self.param(f"kernel_{i}", start, (h.shape[-1], width))
            bias = self.param(f"bias_{i}", self.out_bias if i == last else zeros, (width,))
            kernel = kernel if self.masks is None else kernel * self.masks[i]
            if i == 0 and context.size:  # one product is faster than two
                h = jnp.concatenate([h, context])
                kernel = jnp.concatenate([kernel, self.param("context", start, (context.size, width))])
            h = h @ kernel + bias
            if i < last:
                h = self.activation(h)
        return h


def autoregressive_masks(latent_dim: int, hidden: tuple[int, ...], num_outputs: int, *, reverse: bool) -> Masks:
    """Masks under which the outputs of a dimension depend on the dimensions before it alone.

    Args:
        latent_dim: d.
        hidden: the width of each hidden layer.
        num_outputs: n numbers for each dimension; the output is [n, d] in one row.
        reverse: whether "before" means after.

    Returns:
        A mask for each matrix. A hidden unit has a degree from 0, which sees the context alone, to d - 1.

    Source: Germain et al. 2015, section 3.
    """
    order = np.arange(latent_dim)[:: -1 if reverse else 1]
    degrees = [order + 1, *(np.arange(width) * latent_dim // width for width in hidden)]
    masks = [a[:, None] <= b[None, :] for a, b in itertools.pairwise(degrees)]
    masks.append(degrees[-1][:, None] < np.tile(order + 1, num_outputs)[None, :])
    return tuple(mask.astype(np.float32) for mask in masks)
