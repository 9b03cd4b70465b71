"""Which latents count as active, where the posterior's mean alone would not say."""

import jax
import jax.numpy as jnp
import numpyro.distributions as dist

from tests.models import drawn, linear_gaussian, small_vae
from vaex import Model, evaluate
from vaex.distributions import OneHotCategorical
from vaex.distributions.flows import Flow, affine, coupling
from vaex.distributions.labelled import Labelled
from vaex.model import Conditional, Given

KEY = jax.random.key(0)
X = jax.random.normal(jax.random.key(1), (300, 5))
MEAN = linear_gaussian()


def active(model, x):
    measure = evaluate.validator(KEY, lambda params: model, x, metrics=("latents",), options=evaluate.Options())
    return measure({})["active_units"]


def test_latents_that_a_flow_leaves_unused_are_not_active():
    """A mean over 100 draws of N(0, 1) has the variance of the threshold itself, unless the draws are shared."""
    bijection = coupling(4, (3,), jnp.tanh, context_dim=0, reverse=False, elementwise=affine())
    params = bijection.init(KEY)

    def model(weight):
        def encode(x):
            base = dist.Normal(jnp.zeros(4).at[0].set(weight * x[0]), 1.0).to_event(1)
            return Flow(base, params, jnp.zeros(0), bijection)

        prior = dist.Normal(jnp.zeros(4), 1.0).to_event(1)
        return Model(prior, encode, lambda z: dist.Normal(jnp.zeros(5) + z[0], 1.0).to_event(1))

    assert active(model(0.0), X) == 0
    assert active(model(1.0), X) > 0


def test_latents_that_say_no_more_than_the_condition_are_not_active():
    """q(z|x, c) = p(z|c), whose mean moves with c."""

    def model(weight):
        def given(c):
            prior = dist.Normal(c, 1.0).to_event(1)
            encode = lambda x: dist.Normal(c + weight * x[:2], 1.0).to_event(1)
            return Model(prior, encode, lambda z: dist.Normal(jnp.zeros(5), 1.0).to_event(1))

        return Conditional(given)

    examples = Given(X, jax.random.normal(KEY, (300, 2)))
    assert active(model(0.0), examples) == 0
    assert active(model(1.0), examples) == 2


def test_a_label_is_one_latent():
    vae = small_vae(x_dim=5)
    plain = vae.bind(drawn(vae.init))

    def encode(x):
        each = jax.vmap(lambda y: plain.encode(x))(jnp.arange(3))
        return Labelled(OneHotCategorical(5 * x[:3]), each)

    prior = Labelled(OneHotCategorical(jnp.zeros(3)), jax.vmap(lambda y: plain.prior)(jnp.arange(3)))
    model = Model(prior, encode, lambda latent: plain.decode(latent.z))
    silent = model._replace(encode=lambda x: prior)
    assert active(silent, X) == 0
    assert active(model, X) <= 1 + 2
