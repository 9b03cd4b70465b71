"""Functions under JAX's stricter modes, and in what a caller makes of them: shards, an exported program, a pickle."""

import pickle

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import pytest
from jax.sharding import AxisType, PartitionSpec

from tests.models import linear_gaussian
from tests.test_devices import cpus
from vaex import Model, evaluate, losses, objectives
from vaex.distributions.chain import Chain, Link
from vaex.distributions.stacked import StackedPosterior
from vaex.inference import free_form
from vaex.objectives import Context

KEY, X = jax.random.key(0), jnp.asarray(np.random.default_rng(0).normal(size=(8, 5)), jnp.float32)
NORMAL = dist.Normal(jnp.zeros(2), 1.0).to_event(1)
START = Context(jnp.array(0), jnp.array(0.0))


@cpus
@pytest.mark.parametrize("name", ["batch", "shards"])
def test_examples_that_the_caller_has_split_over_devices(name):
    """Also by an axis of the name that vaex splits a batch over."""
    mesh = jax.make_mesh((4,), (name,), (AxisType.Auto,))
    loss = objectives.batch_loss(objectives.elbo)

    def scores(x):
        score = lambda key, x: evaluate.log_likelihood(key, linear_gaussian(0.2), x, num_samples=6, chunk_size=2)
        keys = jnp.broadcast_to(KEY, len(x))
        return jax.vmap(score)(keys, x), loss(KEY, linear_gaussian(), jnp.tile(x, (4, 1)), START)[0][None]

    split = jax.shard_map(scores, mesh=mesh, in_specs=PartitionSpec(name), out_specs=PartitionSpec(name))
    found, of_shards = jax.jit(split)(X)
    np.testing.assert_allclose(found, jax.jit(scores)(X)[0], rtol=1e-5)
    np.testing.assert_allclose(of_shards[1], jax.jit(scores)(X[2:4])[1][0], rtol=1e-5)


@cpus
def test_a_mesh_whose_axes_have_explicit_types_is_left_alone():
    loss = jax.jit(lambda x: objectives.batch_loss(objectives.elbo)(KEY, linear_gaussian(), x, START)[0])
    expected = loss(X)
    with jax.set_mesh(jax.make_mesh((4,), ("batch",), (AxisType.Explicit,))):
        np.testing.assert_allclose(loss(np.asarray(X)), expected, rtol=1e-6)


def test_nothing_of_these_is_promoted_by_itself():
    with jax.numpy_dtype_promotion("strict"):
        found = jax.jit(lambda: objectives.vimco(KEY, linear_gaussian(), X[0], num_samples=3).objective)()
        np.testing.assert_allclose(losses.bernoulli_nll(jnp.array([jnp.inf, 0.0]), jnp.ones(2)), np.log(2), rtol=1e-6)
        np.testing.assert_allclose(
            free_form.grid(low=0.0, high=1.0, num_points=2, num_latents=1).points, [[0.25], [0.75]]
        )
    expected = jax.jit(lambda: objectives.vimco(KEY, linear_gaussian(), X[0], num_samples=3).objective)()
    np.testing.assert_allclose(found, expected, rtol=1e-6)


CHAIN = Chain((Link(lambda p, s: NORMAL), Link(lambda p, s: dist.Normal(s, 1.0).to_event(1))), ((), ()), None, False)


STACKED = StackedPosterior(CHAIN, jax.tree_util.Partial(lambda z: CHAIN))


@pytest.mark.parametrize("q", [CHAIN, STACKED], ids=["chain", "stacked"])
def test_no_key_is_used_twice(q):
    model = Model(q, lambda x: q, lambda z: dist.Normal(jax.tree.leaves(z)[0], 1.0).to_event(1))
    with jax.debug_key_reuse(True):
        evaluate.moments(jax.random.key(1), model, X[0, :2])
        evaluate.interpolation(jax.random.key(2), model, (X[0, :2], X[1, :2]), steps=2)


def test_a_loss_is_exported_for_any_size_of_a_batch():
    (size,) = jax.export.symbolic_shape("size")
    loss = jax.jit(lambda x: objectives.batch_loss(objectives.elbo)(KEY, linear_gaussian(), x, START)[0])
    exported = jax.export.export(loss)(jax.ShapeDtypeStruct((size, 5), jnp.float32))
    for num in (1, 8):
        np.testing.assert_allclose(exported.call(X[:num]), loss(X[:num]), rtol=1e-6)


def given_nothing(params, state):
    return NORMAL


def test_a_chain_is_pickled():
    chain = Chain((Link(given_nothing),), ((),), None, False)
    again = pickle.loads(pickle.dumps(chain))
    np.testing.assert_array_equal(again.sample(KEY)[0], chain.sample(KEY)[0])
