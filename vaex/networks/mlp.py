"""Multilayer perceptrons, plain and gated."""

import math
from collections.abc import Callable

import flax.linen as nn
from jaxtyping import Array, Float

from vaex.errors import UsageError

ACTIVATIONS: dict[str, Callable] = {
    "relu": nn.relu,
    "tanh": nn.tanh,
    "gelu": nn.gelu,
    "silu": nn.silu,
    "elu": nn.elu,
    "leaky_relu": nn.leaky_relu,
    "softplus": nn.softplus,
}
GLOROT = nn.initializers.glorot_uniform()


def check_size(module: nn.Module, layer: str, found: int, x: Array) -> None:
    """A layer's parameters, where it has them already, are for as many numbers as it is given of an input x.

    Raises:
        UsageError: it has more or fewer.
    """
    if not module.has_variable("params", layer):
        return
    expected = module.get_variable("params", layer)["kernel"].shape[-2]
    if found != expected:
        raise UsageError(
            f"found an input of shape {x.shape}, {found} numbers to {layer} of {type(module).__name__}: expected "
            f"{expected}, as of the one example that its parameters are for; jax.vmap makes a batch"
        )


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
        layers = [(f"hidden_{i}", width, nn.initializers.zeros) for i, width in enumerate(self.hidden)]
        first = layers[0][0] if layers else "out"
        for i, seen in enumerate((x, *others)):
            check_size(self, f"{first}_{i}" if i else first, seen.size, seen)
        h, others = x.reshape(-1), tuple(other.reshape(-1) for other in others)
        for name, width, bias in [*layers, ("out", math.prod(self.out_shape), self.out_bias)]:
            h = nn.Dense(width, kernel_init=GLOROT, bias_init=bias, name=name)(h)
            for i, other in enumerate(others, start=1):
                h += nn.Dense(width, kernel_init=GLOROT, use_bias=False, name=f"{name}_{i}")(other)
            h, others = h if name == "out" else self.activation(h), ()
        return h.reshape(self.out_shape)


class GatedMLP(nn.Module):
    """A multilayer perceptron whose hidden layers gate themselves.

    h = (W x + b) * sigmoid(V x + c)

    Attributes:
        hidden: the width of each hidden layer; () makes an affine map.
        out_shape: the shape of one output.
        out_bias: what the output's biases start from, as a Flax initializer.

    Source: Tomczak and Welling 2018, section 4; the gating of Dauphin et al. 2017.
    """

    hidden: tuple[int, ...]
    out_shape: tuple[int, ...]
    out_bias: Callable = nn.initializers.zeros

    @nn.compact
    def __call__(self, x: Float[Array, "..."]) -> Float[Array, "..."]:
        if self.hidden:
            check_size(self, "linear_0", x.size, x)
        h = x.reshape(-1)
        for i, width in enumerate(self.hidden):
            linear, gate = (nn.Dense(width, kernel_init=GLOROT, name=f"{part}_{i}") for part in ("linear", "gate"))
            h = linear(h) * nn.sigmoid(gate(h))
        return MLP((), self.out_shape, out_bias=self.out_bias, name="out")(h)
