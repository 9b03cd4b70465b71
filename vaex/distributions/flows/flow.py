"""A distribution made of a simple one and a bijection, its density by the change of variables."""

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from vaex.distributions import abilities, shapes
from vaex.model import Distribution, Params

# (params, context, a vector) -> (a vector, log |det df/dz| at z): forward takes z to f(z), inverse f(z) to z.
Map = Callable[[Params, Float[Array, " c"], Float[Array, " d"]], tuple[Float[Array, " d"], Float[Array, ""]]]


class Bijection(NamedTuple):
    """A bijection f of vectors, computed from parameters of its own and from a context."""

    init: Callable[[PRNGKeyArray], Params]  # key -> params
    forward: Map
    inverse: Map  # its log-determinant, too, is that of the forward map


def alternate(
    step: Callable[..., Bijection],
    latent_dim: int,
    num_flows: int,
    hidden: tuple[int, ...],
    activation: Callable,
    *,
    context_dim: int,
) -> Bijection:
    """Steps whose networks see the dimensions in one order and in its reverse by turns.

    Args:
        step: (latent_dim, hidden, activation, *, context_dim, reverse) -> Bijection.
        latent_dim: d.
        num_flows: how many steps there are.
        hidden: the widths of each step's network.
        activation: the nonlinearity.
        context_dim: how many numbers the context has.
    """
    sides = [i % 2 == 1 for i in range(num_flows)]
    return chain([step(latent_dim, hidden, activation, context_dim=context_dim, reverse=reverse) for reverse in sides])


def chain(steps: Sequence[Bijection]) -> Bijection:
    """One bijection after another, all with the same context; of no steps, the identity."""

    def init(key: PRNGKeyArray) -> Params:
        return [step.init(jax.random.fold_in(key, i)) for i, step in enumerate(steps)]

    def forward(params: Params, context: Array, z: Array) -> tuple[Array, Array]:
        total = jnp.zeros(())
        for step, own in zip(steps, params, strict=True):
            z, log_det = step.forward(own, context, z)
            total += log_det
        return z, total

    def inverse(params: Params, context: Array, z: Array) -> tuple[Array, Array]:
        total = jnp.zeros(())
        for step, own in zip(reversed(steps), reversed(params), strict=True):
            z, log_det = step.inverse(own, context, z)
            total += log_det
        return z, total

    return Bijection(init, forward, inverse)


@functools.partial(
    jax.tree_util.register_dataclass, data_fields=["base", "params", "context"], meta_fields=["bijection"]
)
@dataclass(frozen=True)
class Flow:
    """The distribution of f(z_0), z_0 ~ base.

    log q(f(z_0)) = log base(z_0) - log |det df/dz_0|

    A pytree of arrays but for the bijection, so that `jax.lax.stop_gradient` freezes its parameters.

    Attributes (untyped, since jax fills a pytree with more than arrays):
        base: a distribution over vectors, [d].
        params: the bijection's own.
        context: what the bijection is computed from besides, [c].
        bijection: f.

    Source: Rezende and Mohamed 2015, equation 5.
    """

    base: Distribution
    params: Params
    context: Any
    bijection: Bijection

    def sample_and_log_prob(self, key: PRNGKeyArray, sample_shape: tuple[int, ...] = ()) -> tuple[Array, Array]:
        """Draws, [*sample_shape, d], and their log-densities, [*sample_shape], without an inversion."""
        z_0 = self.base.sample(key, sample_shape)
        z, log_det = self._each(self.bijection.forward, z_0)
        return z, self.base.log_prob(z_0) - log_det

    def sample(self, key: PRNGKeyArray, sample_shape: tuple[int, ...] = ()) -> Float[Array, "*s d"]:
        """Draws, [*sample_shape, d]."""
        return self.sample_and_log_prob(key, sample_shape)[0]

    def log_prob(self, value: Float[Array, "*s d"]) -> Float[Array, "*s"]:
        """Log-densities, [*s], in nats, by the inverse of the bijection."""
        z_0, log_det = self._each(self.bijection.inverse, value)
        return self.base.log_prob(z_0) - log_det

    def _each(self, f: Map, vectors: Float[Array, "*s d"]) -> tuple[Array, Array]:
        return jnp.vectorize(lambda z: f(self.params, self.context, z), signature="(d)->(d),()")(vectors)


shapes.batch_shape.register(Flow, lambda q: shapes.batch_shape(q.base))
shapes.value_shape.register(Flow, lambda q: shapes.value_shape(q.base))
abilities.own_sample_and_log_prob.register(Flow, lambda q: q.sample_and_log_prob)
abilities.is_cheap_to_evaluate.register(Flow, lambda q: False)
abilities.has_gradient.register(Flow, lambda q: abilities.has_gradient(q.base))
