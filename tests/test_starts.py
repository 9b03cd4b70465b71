"""How wide a posterior starts: as its option says, and narrow ones keep networks of relu from collapsing."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.one_step import QUICK, configured, untried
from vaex.config.setup import Setup
from vaex.errors import OptionError
from vaex.models.posterior_table import POSTERIORS, diagonal
from vaex.train import train_step

GAUSSIAN = {
    "diagonal": ({}, lambda q: jnp.sqrt(q.variance)),
    "full": ({}, lambda q: jnp.sqrt(q.variance)),
    "mixture": ({}, lambda q: jnp.exp(0.5 * q.log_var)),
    "planar": ({"num_flows": 1}, lambda q: jnp.sqrt(q.base.variance)),
    "iaf": ({"num_flows": 1, "hidden": (4,)}, lambda q: jnp.sqrt(q.base.variance)),
    "affine_coupling": ({"num_flows": 1, "hidden": (4,)}, lambda q: jnp.sqrt(q.base.variance)),
    "spline_coupling": ({"num_flows": 1, "hidden": (4,)}, lambda q: jnp.sqrt(q.base.variance)),
}


def test_every_posterior_with_a_scale_is_looked_at():
    assert {name for name in POSTERIORS if "sigma" in POSTERIORS.fields(name)} == set(GAUSSIAN)


@pytest.mark.parametrize("name", GAUSSIAN)
def test_where_the_encoder_says_nothing_the_scale_is_sigma_and_the_mean_zero(name):
    options, scale = GAUSSIAN[name]
    posterior = POSTERIORS[name](3, sigma=0.25, **options)

    @jax.jit
    def scale_and_mean(key):
        q = posterior.apply(posterior.init(key), jnp.zeros(posterior.raw_shape))
        return scale(q), 0.0 if name == "mixture" else getattr(q, "base", q).mean

    found, mean = scale_and_mean(jax.random.key(0))
    np.testing.assert_allclose(found, 0.25, rtol=1e-6)
    np.testing.assert_array_equal(mean, 0.0)


STYLES = {
    "m2": ("semi_supervised", lambda q: q.at(jnp.eye(10)[3])),
    "m1m2": ("stacked_semi_supervised", lambda q: q.below),
}


@pytest.mark.parametrize("kind", STYLES)
def test_m1_and_m2_start_as_wide_as_they_are_told(kind):
    objective, style = STYLES[kind]
    flags = ["model.sigma=0.25", f"model.name={kind}", f"objective.name={objective}", "data.num_labels=20"]
    made = configured(*(f"--config.{flag}" for flag in flags))
    nothing = jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), jax.eval_shape(made.init).params)

    @jax.jit
    def moments(params):
        q = style(made.task.description.bind(params).encode(jnp.zeros((8, 8, 1))))
        return q.mean, q.variance

    mean, variance = moments(nothing)
    np.testing.assert_allclose(np.sqrt(variance), 0.25, rtol=1e-6)
    np.testing.assert_array_equal(mean, 0.0)


def test_a_log_variance_of_the_encoder_is_added_in_its_precision():
    posterior = diagonal(2, sigma=0.5)
    assert jax.eval_shape(lambda: posterior.apply({}, jnp.zeros(4, jnp.float16)).mean).dtype == jnp.float16
    moments = jax.jit(lambda raw: (lambda q: (q.mean, q.variance))(posterior.apply({}, raw)))
    mean, variance = moments(np.array([1.0, 2.0, 0.0, 2.0], np.float32))
    np.testing.assert_allclose(mean, [1.0, 2.0])
    np.testing.assert_allclose(np.sqrt(variance), [0.5, 0.5 * np.e], rtol=1e-6)


@pytest.mark.parametrize("sigma", [0.0, -1.0, float("nan")])
def test_a_scale_is_positive(sigma):
    with pytest.raises(OptionError, match="sigma"):
        diagonal(2, sigma=sigma)


def trained(*flags: str) -> dict:
    """400 steps on 100 digits."""
    with untried():
        made: Setup = configured("--config.optimizer.learning_rate=3e-3", *(f"--config.model.{flag}" for flag in flags))
    few = jax.tree.map(lambda a: jnp.asarray(a[:100]), made.task.stored)
    step = lambda state, _: train_step(state, made.task.key, few, recipe=made.recipe)
    return jax.jit(lambda: jax.lax.scan(step, made.init(), length=400)[1], compiler_options=QUICK)()


def test_a_narrow_start_keeps_relu_from_collapsing():
    """As wide as the prior, q is noise to the decoder, whose units shut it out for good."""
    layers = [f"network.{side}_hidden=50,50" for side in ("encoder", "decoder")]
    wide, narrow = (trained("latent_dim=32", *layers, f"posterior.sigma={sigma}") for sigma in (1.0, 0.05))
    assert jnp.mean(wide["kl"][-50:]) < 0.01
    assert jnp.mean(narrow["kl"][-50:]) > 1
    assert jnp.mean(narrow["elbo"][-50:]) > jnp.mean(wide["elbo"][-50:]) + 1


def test_a_ladder_by_its_defaults_does_not_collapse():
    """By relu its KL is zero from the fiftieth step on."""
    layers = ["latent_dims=32,8", "between_hidden=((20,),)", "encoder_hidden=50,50", "decoder_hidden=50,50"]
    assert jnp.mean(trained("name=ladder", *layers)["kl"][-50:]) > 0.5
