"""What a validation measures, on models that are known."""

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import pytest

from tests.models import normal
from vaex import Conditional, Given, Model
from vaex.distributions import OneHotCategorical, flows
from vaex.distributions.flows import Flow
from vaex.distributions.labelled import Labelled
from vaex.distributions.masked import Masked
from vaex.evaluate import Options, validator
from vaex.evaluate.metrics import FEW, latent_means
from vaex.runs.words import PROGRESS

KEY = jax.random.key(0)
X = jnp.asarray(np.random.default_rng(0).normal(size=(8, 3)), jnp.float32)


def around(offset):
    """A model whose every reconstruction is the example plus an offset."""
    return Model(
        prior=dist.Normal(jnp.zeros(3), 1.0).to_event(1),
        encode=lambda x: dist.Delta(getattr(x, "x", x), event_dim=1),
        decode=lambda z: dist.Normal(z + offset, 1.0).to_event(1),
    )


def error(model, x):
    measure = validator(KEY, lambda params: model, x, metrics=("error",), options=Options())
    return float(measure({})["reconstruction_error"])


def test_the_error_of_reconstruction_is_the_sum_of_squares_of_an_example():
    offset = jnp.array([1.0, 2.0, 0.5])
    np.testing.assert_allclose(error(around(offset), X), 5.25, rtol=1e-6)
    conditional = Conditional(lambda c: around(c))
    np.testing.assert_allclose(error(conditional, Given(X, jnp.tile(offset, (8, 1)))), 5.25, rtol=1e-6)


def test_of_what_is_observed_alone():
    mask = jnp.tile(jnp.array([True, False, True]), (8, 1))
    np.testing.assert_allclose(error(around(jnp.array([1.0, 2.0, 0.5])), Masked(X, mask)), 1.25, rtol=1e-6)


def classifying():
    """A model whose q(y|x) is the softmax of x."""
    normals = jax.vmap(lambda mean: dist.Normal(mean, 1.0).to_event(1))(jnp.zeros((3, 2)))
    return Model(
        prior=Labelled(OneHotCategorical(jnp.zeros(3)), normals),
        encode=lambda x: Labelled(OneHotCategorical(x), normals),
        decode=lambda latent: dist.Normal(jnp.zeros(3), 1.0).to_event(1),
    )


def accuracy_of(labels):
    options = Options(labels=np.array(labels, np.int32))
    return validator(KEY, lambda params: classifying(), X[:4], metrics=("accuracy",), options=options)({})


def test_the_accuracy_is_that_of_the_examples_with_a_label():
    best = np.argmax(X[:4], axis=-1)
    assert float(accuracy_of(best)["accuracy"]) == 1.0
    assert float(accuracy_of([best[0], best[1], -1, (best[3] + 1) % 3])["accuracy"]) == pytest.approx(2 / 3)
    assert accuracy_of([-1] * 4) == {}


def test_words_say_of_how_many_a_bound_of_many_draws_is():
    assert f"of the first {FEW} L_K" in PROGRESS["validation_log_likelihood"]


def test_what_a_condition_says_is_no_use_of_the_latents():
    model = Conditional(lambda c: Model(normal(c), lambda x: normal(c + x), normal))
    x = jnp.arange(6.0).reshape(3, 2)
    np.testing.assert_allclose(latent_means(jax.random.key(0), model, Given(x, 10 * x)), x, rtol=1e-5)


def test_latents_that_say_nothing_have_one_mean():
    """Estimated by the same draws for all: draws of their own would vary by 1/100, and be active."""
    q = Flow(dist.Normal(jnp.zeros(2), 1.0).to_event(1), [], jnp.zeros(0), flows.chain([]))
    model = Model(q.base, lambda x: q, lambda z: dist.Normal(z, 1.0).to_event(1))
    means = latent_means(jax.random.key(0), model, jnp.zeros((8, 2)))
    np.testing.assert_array_equal(means, jnp.broadcast_to(means[0], means.shape))
