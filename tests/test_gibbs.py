"""Gibbs sampling against a sum over all states."""

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import pytest

from tests.models import drawn
from vaex import Model, UsageError, inference
from vaex.distributions.one_hot import OneHotCategorical
from vaex.distributions.sites import sites
from vaex.distributions.states import all_states
from vaex.models.graph import Graph, Node
from vaex.models.latent_nodes import latent_variable_model
from vaex.models.posteriors import one_hot_categorical
from vaex.networks import LookupTable

KEY = jax.random.key(0)
ONE_HOT = one_hot_categorical()
GRAPH = Graph(
    (
        Node("season", ONE_HOT, LookupTable((3,))),
        Node("rain", ONE_HOT, LookupTable((2,)), ("season",)),
        Node("wet", ONE_HOT, LookupTable((2,)), ("season", "rain")),
    )
)
JOINT = GRAPH.bind(drawn(GRAPH.init, scale=1.0, seed=1)).distribution
MODEL = latent_variable_model(JOINT, ("season", "rain"), encode=lambda x: None)
WET = jnp.array([0.0, 1.0])


def test_chains_on_the_nodes_of_a_graph_have_the_frequencies_of_enumeration():
    """The last states of 6,000 chains, joint states within 5 standard errors; 3 seasons, rain or none."""
    method = inference.gibbs(start="prior")

    def last(key):
        start, *keys = jax.random.split(key, 9)
        return jax.lax.scan(lambda s, k: method.step(k, s), method.init(start, MODEL, WET), jnp.stack(keys))[0].codes

    states = all_states(MODEL.prior)
    log_joint = jax.vmap(lambda z: MODEL.prior.log_prob(z) + MODEL.decode(z).log_prob(WET))
    codes, log_p = jax.jit(lambda keys: (jax.vmap(last)(keys), log_joint(states)))(jax.random.split(KEY, 6000))
    expected = np.exp(np.float64(log_p)) / np.exp(np.float64(log_p)).sum()
    found = np.bincount(np.asarray(codes) @ [3, 1], minlength=6) / 6000
    assert np.ptp(expected) > 0.1
    assert (np.abs(found - expected) < 5 * np.sqrt(expected * (1 - expected) / 6000)).all()


@pytest.mark.parametrize(
    ("q", "num_values"),
    [
        (dist.Categorical(logits=jnp.zeros(3)), (3,)),
        (dist.BernoulliLogits(jnp.zeros((2, 2))).to_event(2), (2,) * 4),
        (OneHotCategorical(jnp.zeros(4)), (4,)),
        (OneHotCategorical(jnp.zeros((2, 3))).to_event(1), (3, 3)),
        (MODEL.prior, (2, 3)),
    ],
)
def test_codes_and_values_are_each_others_inverse(q, num_values):
    found = sites(q)
    assert found.num_values == num_values
    codes = np.array([n - 1 - i % n for i, n in enumerate(num_values)])
    z, again = jax.jit(lambda codes: (lambda z: (z, found.codes(z)))(found.value(codes)))(codes)
    assert jax.tree.map(jnp.shape, z) == jax.tree.map(jnp.shape, jax.eval_shape(q.sample, KEY))
    np.testing.assert_array_equal(again, codes)


def test_a_chain_starts_at_codes_that_can_be():
    """Of two values q draws the one under which x is impossible."""

    def start(key):
        prior, q = (dist.Categorical(logits=jnp.array([weight, 0.0])) for weight in (0.0, 9.0))
        model = Model(prior, lambda x: q, lambda z: dist.Uniform(z, z + 1.0))
        return inference.gibbs().init(key, model, jnp.array(1.5)).codes

    assert (np.asarray(jax.jit(jax.vmap(start))(jax.random.split(KEY, 20))) == 1).all()


def test_continuous_latents_are_sent_to_hmc():
    normal = dist.Normal(jnp.zeros(2), 1.0).to_event(1)
    model = Model(normal, lambda x: normal, lambda z: normal)
    with pytest.raises(UsageError, match=r"no list of its values, .* inference.hmc"):
        inference.gibbs().init(KEY, model, jnp.zeros(2))
