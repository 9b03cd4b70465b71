"""How much of its latent space a model uses."""

import functools

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, PRNGKeyArray

from vaex import bounds
from vaex.distributions import PowerSpherical, UniformMixture, UniformOnSphere
from vaex.distributions.abilities import estimate_mean
from vaex.distributions.shapes import log_density
from vaex.errors import check_whole
from vaex.model import Distribution, Example, Latent, Model, num_examples
from vaex.objectives.draws import as_pytree
from vaex.objectives.encode import encode_example

ACTIVE_VARIANCE = 1e-2


def posterior_mean(key: PRNGKeyArray, q: Distribution, *, num_samples: int = 100) -> Latent:
    """E_q[z], from the distribution's own mean where it has one, else from draws.

    The mean of K draws of an unused latent has the variance 1/K, near active_units' threshold: a Chain averages its
    conditionals' means instead, and with one key for all x the draws of an unused latent are the same for each.

    Raises:
        OptionError: num_samples below 1.
    """
    check_whole(num_samples=num_samples)
    return estimate_mean(key, q, num_samples)


def active_units(means: Float[Array, "n d"]) -> Bool[Array, " d"]:
    """Which latent dimensions the posterior uses.

    active_j = Var_x(E_q[z_j]) > 1e-2

    Args:
        means: posterior means of n examples, [n, d]; on a sphere in units of `usual_deviation`.

    Returns:
        One boolean for each dimension, [d].

    Source: Burda, Grosse and Salakhutdinov 2015, section 5.2.
    """
    return jnp.var(means, axis=0) > ACTIVE_VARIANCE


@functools.singledispatch
def usual_deviation(p: Distribution) -> float:
    """The standard deviation of a latent under p(z), beside which a mean moves or not: 1, but on a sphere 1/sqrt(d)."""
    return 1.0


usual_deviation.register(UniformOnSphere, lambda p: p.num**-0.5)
usual_deviation.register(PowerSpherical, lambda p: p.event_shape[0] ** -0.5)
usual_deviation.register(UniformMixture, lambda p: usual_deviation(p.components))


def mutual_information(key: PRNGKeyArray, model: Model, batch: Example) -> Float[Array, ""]:
    """An estimate of I_q(x; z), what the latents tell of the example, in nats.

    1/M sum_i log q(z_i|x_i) - log 1/M sum_j q(z_i|x_j),   z_i ~ q(z|x_i),   which cannot exceed log M

    Args:
        key: a PRNG key.
        model: a model.
        batch: M examples, [M, ...].

    Returns:
        Nats.

    Source: Hoffman and Johnson 2016, the index-code mutual information.
    """
    qs = jax.vmap(lambda x: as_pytree(encode_example(model, x)))(batch)
    m = num_examples(batch)
    z = jax.vmap(lambda k, q: q.sample(k))(jax.random.split(key, m), qs)
    pairs = jax.lax.map(lambda one: jax.vmap(lambda q: log_density("q(z|x)", q, one))(qs), z)  # log q(z_i|x_j): [i, j]
    return jnp.mean(jnp.diagonal(pairs) - bounds.iwae(pairs.T))
