"""The Flax modules: raw arrays in, raw arrays out, one example at a time, no sampling inside."""

import math
from collections.abc import Callable

import flax.linen as nn
import jax.numpy as jnp
from jaxtyping import Array, Float

ACTIVATIONS: dict[str, Callable] = {
    "relu": nn.relu,
    "tanh": nn.tanh,
    "gelu": nn.gelu,
    "silu": nn.silu,
    "elu": nn.elu,
    "leaky_relu": nn.leaky_relu,
    "softplus": nn.softplus,
}


class MLP(nn.Module):
    """A multilayer perceptron from arrays of any shape to an array of a given shape.

    Several inputs are taken as one vector, but each has its own kernel: under a vmap over one of them, the product of
    the others is not repeated. Weights start with Glorot's uniform distribution, biases at zero but for the output's.

    Attributes:
        hidden: the width of each hidden layer; () makes an affine map.
        out_shape: the shape of one output.
        activation: the nonlinearity of the hidden layers.
        out_bias: what the output's biases start from, as a Flax initializer.

    Source: Kingma and Welling 2013, appendix C; initialization as in Burda et al. 2015, section 5.
    """

    hidden: tuple[int, ...]
    out_shape: tuple[int, ...]
    activation: Callable = nn.relu
    out_bias: Callable = nn.initializers.zeros

    @nn.compact
    def __call__(self, x: Float[Array, "..."], *others: Float[Array, "..."]) -> Float[Array, "..."]:
        glorot = nn.initializers.glorot_uniform()
        layers = [(f"hidden_{i}", width, nn.initializers.zeros) for i, width in enumerate(self.hidden)]
        h, others = x.reshape(-1), tuple(other.reshape(-1) for other in others)
        for name, width, bias in [*layers, ("out", math.prod(self.out_shape), self.out_bias)]:
            h = nn.Dense(width, kernel_init=glorot, bias_init=bias, name=name)(h)
            for i, other in enumerate(others, start=1):
                h += nn.Dense(width, kernel_init=glorot, use_bias=False, name=f"{name}_{i}")(other)
            h, others = h if name == "out" else self.activation(h), ()
        return h.reshape(self.out_shape)


class Table(nn.Module):
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
