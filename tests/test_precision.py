"""Networks in bfloat16: every product and convolution, and nothing else."""

import functools
import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.one_step import QUICK, configured
from vaex.networks import MLP, ConvDecoder, GatedMLP, bfloat16
from vaex.train import train_step
from vaex.train.step import init_state

X = jax.random.normal(jax.random.key(0), (8, 8, 2))
NETWORKS = {
    "mlp": (MLP((16,), (5,)), X),
    "gated": (GatedMLP((16,), (5,)), X),
    "conv": (ConvDecoder((4, 4), (1, 2), (8,), (8, 8, 1)), jnp.ones(3)),
}


def products(program):
    """The types of what products and convolutions give, in all of a program."""
    return set(re.findall(r":(\w+)\[[\d,]*\] = (?:dot_general|conv_general_dilated)\[", str(program)))


@pytest.mark.parametrize("name", NETWORKS)
def test_products_are_of_bfloat16_and_what_comes_out_and_gradients_of_float32(name):
    network, x = NETWORKS[name]
    params = jax.jit(network.init)(jax.random.key(1), x)
    loss = lambda apply, params: jnp.sum(apply(params, x) ** 2)
    low, high = (jax.value_and_grad(functools.partial(loss, f)) for f in (bfloat16(network.apply), network.apply))
    assert products(jax.make_jaxpr(low)(params)) == {"bf16"}
    assert products(jax.make_jaxpr(high)(params)) == {"f32"}
    (found, gradient), (expected, exact) = (jax.jit(f, compiler_options=QUICK)(params) for f in (low, high))
    assert jax.eval_shape(bfloat16(network.apply), params, x).dtype == jnp.float32
    assert {leaf.dtype for leaf in jax.tree.leaves(gradient)} == {jnp.dtype(jnp.float32)}
    assert found != expected  # 8 bits, of which errors are seen
    np.testing.assert_allclose(found, expected, rtol=0.05)
    norm = lambda tree: np.sqrt(sum(np.sum(np.square(leaf)) for leaf in jax.tree.leaves(tree)))
    assert norm(jax.tree.map(np.subtract, gradient, exact)) < 0.05 * norm(exact)


def test_the_field_computes_a_step_so():
    made = configured("--config.train.precision=bfloat16")
    few = jax.tree.map(lambda a: jnp.asarray(a[:4]), made.task.stored)
    state = jax.eval_shape(lambda: init_state(made.task.description.init(made.task.init_key), made.recipe.optimizer))
    step = functools.partial(train_step, recipe=made.recipe)
    program, (after, metrics) = jax.make_jaxpr(step, return_shape=True)(state, jax.random.key(0), few)
    assert products(program) == {"bf16"}
    assert {leaf.dtype for leaf in jax.tree.leaves(after.params)} == {jnp.dtype(jnp.float32)}
    assert metrics["elbo"].dtype == jnp.float32


def test_biases_keep_their_digits():
    """Whose value a pixel that is the same in all images has: 8 bits are no nearer than a two-hundredth to 0.7832."""
    network = MLP((16,), (5,))
    params = jax.tree.map(jnp.zeros_like, network.init(jax.random.key(1), X))
    params["params"]["out"]["bias"] = jnp.full(5, 0.7832)
    np.testing.assert_array_equal(bfloat16(network.apply)(params, X), np.full(5, 0.7832, np.float32))
