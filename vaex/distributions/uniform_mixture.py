"""Equal parts of distributions that jax.vmap made: of pseudo-inputs' posteriors, of draws of a likelihood's weights."""

import math
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, PRNGKeyArray

from vaex.distributions import abilities
from vaex.distributions.mixtures import DiagonalNormalMixture, EqualNormalMixture
from vaex.distributions.supports import coordinates, nearest
from vaex.losses.arithmetic import logsumexp
from vaex.model import Distribution, Value


class UniformMixture(NamedTuple):
    """Equal parts of K distributions that differ in their numbers alone.

    log p(z) = log 1/K sum_k p_k(z)

    Numpyro's MixtureSameFamily wants the K as one distribution's batch; here they are whatever jax.vmap made of them.
    """

    components: Distribution  # a distribution whose arrays have a leading axis of K

    @property
    def num_components(self) -> int:
        """K."""
        return jax.tree.leaves(self.components)[0].shape[0]

    @property
    def mean(self) -> Value:
        """1/K sum_k of the components' means; of classes the most probable."""
        values, read = self.average()
        return read(values)

    def average(self) -> tuple[Value, Callable[[Value], Value]]:
        """What abilities.average says of the components, averaged over them."""
        of_each = jax.vmap(lambda p: abilities.average(p)[0])(self.components)
        return jax.tree.map(lambda a: jnp.mean(a, axis=0), of_each), abilities.average(self.component(0))[1]

    def component(self, k: Int[Array, ""] | int) -> Distribution:
        """The k-th distribution by itself."""
        return jax.tree.map(lambda a: jnp.asarray(a)[k], self.components)

    def sample(self, key: PRNGKeyArray, sample_shape: tuple[int, ...] = ()) -> Value:
        def one(key: PRNGKeyArray) -> Value:
            which, noise = jax.random.split(key)
            k = jax.random.randint(which, (), 0, self.num_components)
            return self.component(k).sample(noise)

        z = jax.vmap(one)(jax.random.split(key, math.prod(sample_shape)))
        return jax.tree.map(lambda a: a.reshape(*sample_shape, *a.shape[1:]), z)

    def component_log_probs(self, value: Value) -> Float[Array, " k"]:
        """Log 1/K p_k(z) for each k, named as in numpyro's mixtures."""
        return jax.vmap(lambda p: p.log_prob(value))(self.components) - jnp.log(self.num_components)

    def log_prob(self, value: Value) -> Float[Array, ""]:
        return logsumexp(self.component_log_probs(value))


def uniform_mixture(components: Distribution) -> DiagonalNormalMixture | UniformMixture:
    """K distributions of one kind, as jax.vmap makes them, in equal parts; the faster mixture where they are normal."""
    each = abilities.factors(components)
    parameters = None if each is None else abilities.normal_parameters(each)
    if parameters is None or parameters[0].ndim != 2:
        return UniformMixture(components)
    loc, scale = parameters
    return EqualNormalMixture(jnp.zeros(len(loc)), loc, 2 * jnp.log(scale))


nearest.register(UniformMixture, lambda q, z: nearest(q.components, z))
coordinates.register(UniformMixture, lambda q: coordinates(q.component(0)))
abilities.component_log_probs.register(UniformMixture, lambda q: q.component_log_probs)
abilities.average.register(UniformMixture, lambda q: q.average())
# The weights are fixed, so that its draws move with all that may: with its components.
abilities.has_gradient.register(UniformMixture, lambda q: abilities.has_gradient(q.components))
abilities.is_discrete.register(UniformMixture, lambda q: abilities.is_discrete(q.components))
abilities.is_cheap_to_evaluate.register(UniformMixture, lambda q: abilities.is_cheap_to_evaluate(q.components))
