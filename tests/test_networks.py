"""Networks: shapes of any size, one batched convolution, the gate, and where the output starts."""

import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from tests.models import drawn
from vaex.errors import UsageError
from vaex.networks import ConvDecoder, ConvEncoder, GatedMLP
from vaex.networks.conv import halved
from vaex.networks.convolution import convolve, downsampled, upsampled
from vaex.networks.residual import ResidualStack

KEY = jax.random.key(0)


def encoder(num_blocks=(0, 0)):
    return ConvEncoder((4, 6), num_blocks, (), (10,), jnp.tanh)


@pytest.mark.parametrize("shape", [(28, 28, 1), (28, 20, 1), (8, 8, 1), (5, 7, 3), (1, 1, 1)])
def test_images_of_any_size_and_outputs_of_any_trailing_shape(shape):
    assert jax.eval_shape(encoder((1, 0)).init_with_output, KEY, jnp.zeros(shape))[0].shape == (10,)
    for out_shape in (shape, (*shape, 2)):
        decoder = ConvDecoder((4, 6), (1, 2), (5,), out_shape)
        assert jax.eval_shape(decoder.init_with_output, KEY, jnp.zeros(3))[0].shape == out_shape


def test_the_output_starts_at_its_bias_where_nothing_else_speaks():
    mean = np.random.default_rng(0).normal(size=(7, 5, 2)).astype(np.float32)
    decoder = ConvDecoder((4, 6), (0, 0), (), mean.shape, out_bias=lambda key, shape: jnp.asarray(mean).reshape(shape))
    out, _ = jax.jit(decoder.init_with_output)(KEY, jnp.zeros(3))
    np.testing.assert_allclose(out, mean)


def test_every_pixel_is_reached_by_the_latents_and_reaches_them():
    decoder = ConvDecoder((4, 6), (0, 0), (), (7, 5, 1), jnp.tanh)

    z, x = jnp.ones(3), jnp.asarray(np.random.default_rng(0).normal(size=(7, 5, 1)), jnp.float32)
    down, up = drawn(encoder().init, x), drawn(decoder.init, z)

    @jax.jit
    def jacobians(z, x):
        return jax.jacrev(lambda x: encoder().apply(down, x))(x), jax.jacfwd(lambda z: decoder.apply(up, z))(z)

    of_x, of_z = jacobians(z, x)
    assert (np.abs(of_x).max(axis=0) > 0).all()
    assert (np.abs(of_z).max(axis=-1) > 0).all()


def test_vmaps_over_examples_and_draws_make_one_batched_convolution():
    """As many convolutions as for one example, each over all 3 x 4 of them, in the gradient too."""
    x = jnp.ones((3, 4, 28, 20, 1))
    params = jax.eval_shape(encoder((2, 0)).init, KEY, x[0, 0])

    def loss(params, x):
        return jnp.sum(encoder((2, 0)).apply(params, x) ** 2)

    def batch_loss(params, x):
        return jnp.sum(jax.vmap(jax.vmap(lambda one: loss(params, one)))(x))

    def convolutions(f, *args):
        return re.findall(r"stablehlo.convolution.*?: \(tensor<(\w+)>", jax.jit(f).lower(*args).as_text())

    one = convolutions(jax.grad(loss), params, x[0, 0])
    batch = convolutions(jax.grad(batch_loss), params, x)
    assert len(batch) == len(one)
    assert all("12" in shape.split("x") for shape in batch), batch


def transposed(h, kernel, size):
    """A transposed convolution of 6x6 whose kernel is a sub-pixel one's of 3x3, put together."""
    # Output (2i + r, 2j + s) sums kernel[a, b, :, r, s] h[i + a - 1, j + b - 1], at a distance of 2(a - 1) - r rows.
    wide = kernel.reshape(3, 3, 2, 2, 2, 5)[:, :, :, ::-1, ::-1].transpose(0, 3, 1, 4, 2, 5).reshape(6, 6, 2, 5)
    out = lax.conv_general_dilated(h[None], wide, (1, 1), [(3, 3)] * 2, lhs_dilation=(2, 2), dimension_numbers=DIMS)
    return out[0, : size[0], : size[1]]


def strided(x, kernel):
    """A convolution of 4x4 with stride 2 whose kernel is one of 2x2 on four times the channels, put together."""
    wide = kernel.reshape(2, 2, 2, 2, x.shape[-1], -1).transpose(0, 2, 1, 3, 4, 5).reshape(4, 4, x.shape[-1], -1)
    pads = [(1, 1 + side % 2) for side in x.shape[:2]]
    return lax.conv_general_dilated(x[None], wide, (2, 2), pads, dimension_numbers=DIMS)[0]


def plain(x, kernel, padding):
    return lax.conv_general_dilated(x[None], kernel, (1, 1), [(padding, padding)] * 2, dimension_numbers=DIMS)[0]


DIMS = ("NHWC", "HWIO", "NHWC")
PAIRS = {
    "few to many": (lambda x, w: convolve(x, w, 1), lambda x, w: plain(x, w, 1), (3, 3, 2, 5)),
    "many to few": (lambda x, w: convolve(x, w, 1), lambda x, w: plain(x, w, 1), (3, 3, 2, 1)),
    "no padding": (lambda x, w: convolve(x, w, 0), lambda x, w: plain(x, w, 0), (2, 2, 2, 1)),
    "down": (lambda x, w: convolve(downsampled(x), w, 0), strided, (2, 2, 8, 3)),
    "up": (lambda x, w: upsampled(convolve(x, w, 1), (9, 8)), lambda x, w: transposed(x, w, (9, 8)), (3, 3, 2, 20)),
}


@pytest.mark.parametrize("name", PAIRS)
def test_a_convolution_and_its_gradients_are_those_of_jax(name):
    """Values, both gradients and a derivative; the sampled-down and sub-pixel ones too, against their wide kernels."""
    ours, theirs, shape = PAIRS[name]
    rng = np.random.default_rng(0)
    x, w = (rng.normal(size=n).astype(np.float32) for n in ((5, 4, 2), shape))

    def everything(f, x, w):
        out, pull = jax.vjp(f, x, w)
        return out, pull(jnp.sin(out)), jax.jvp(f, (x, w), (jnp.cos(x), jnp.cos(w)))[1]

    results = jax.jit(lambda x, w: [everything(f, x, w) for f in (ours, theirs)])(x, w)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-4), *results)


def test_halving_rounds_up():
    assert halved((28, 20), 3) == [(28, 20), (14, 10), (7, 5), (4, 3)]


def test_a_gate_that_is_open_leaves_a_linear_map_and_one_half_open_halves_it():
    x = np.random.default_rng(0).normal(size=4).astype(np.float32)
    net = GatedMLP((3,), (2,))
    params = jax.tree.map(np.asarray, drawn(net.init, x)["params"])
    linear, last = params["linear_0"], params["out"]["out"]
    hidden = x @ linear["kernel"] + linear["bias"]
    apply = jax.jit(net.apply)
    for bias, share in ((50.0, 1.0), (0.0, 0.5), (-50.0, 0.0)):
        gate = {"kernel": np.zeros((4, 3), np.float32), "bias": np.full(3, bias, np.float32)}
        out = apply({"params": params | {"gate_0": gate}}, x)
        np.testing.assert_allclose(out, share * hidden @ last["kernel"] + last["bias"], rtol=1e-5, atol=1e-6)


def test_a_sum_of_many_residual_branches_starts_no_larger_than_one():
    """Without the scaling, 32 branches would add about 32 times the variance of one."""
    h = jax.random.normal(KEY, (8, 8, 16))
    added = []
    for depth in (1, 32):
        start = jax.vmap(ResidualStack(depth, depth).init_with_output, in_axes=(0, None))
        out, _ = jax.jit(start)(jax.random.split(KEY, 32), h)  # one branch alone varies threefold with its weights
        added.append(jnp.var(out - h))
    assert 0.5 < added[1] / added[0] < 2


def test_a_stack_by_scan_is_its_blocks_in_turn():
    h = jax.random.normal(KEY, (4, 4, 3))
    stack, one = ResidualStack(3, 3), ResidualStack(1, 3)
    out, params = jax.jit(stack.init_with_output)(KEY, h)
    expected = h
    for i in range(3):
        expected = jax.jit(one.apply)(jax.tree.map(lambda a, i=i: a[i : i + 1], params), expected)
    np.testing.assert_allclose(out, expected, rtol=1e-5)


def test_what_is_no_image_is_refused():
    with pytest.raises(UsageError, match=r"one image \[H, W, C\], found shape \(784,\)"):
        encoder().init(KEY, jnp.zeros(784))
    with pytest.raises(UsageError, match=r"makes images \[H, W, ...\], not shape \(784,\)"):
        ConvDecoder((4,), (0,), (), (784,)).init(KEY, jnp.zeros(2))
