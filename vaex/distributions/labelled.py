"""Distributions over a label and the latents beside it."""

import functools
import math
from dataclasses import dataclass
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray
from numpyro.distributions import kl_divergence

from vaex.distributions import abilities
from vaex.distributions.divergences import kl_between
from vaex.distributions.one_hot import OneHotCategorical
from vaex.losses.arithmetic import times
from vaex.model import Distribution, Example, Latent


class LabelledLatent(NamedTuple):
    """A label and a latent variable beside it."""

    y: Float[Array, "*batch classes"]  # one-hot
    z: Latent


class Pair(NamedTuple):
    """What semi-supervised training sees at a time: an image without a label, and one with its label."""

    unlabelled: Example
    labelled: Example
    label: Example  # one-hot, as the objective takes it; a number, as it is stored


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Labelled:
    """A distribution p(y) p(z|y) over LabelledLatent, p(z|y) held for every class so that y can be summed over.

    Attributes:
        label: p(y).
        given: p(z|y) of each class, a distribution vmapped over the classes.
    """

    label: OneHotCategorical
    given: Distribution

    def at(self, y: Float[Array, " classes"]) -> Distribution:
        """p(z|y) of a one-hot y."""
        return jax.tree.map(lambda leaf: leaf[jnp.argmax(y)], self.given)

    def sample(self, key: PRNGKeyArray, sample_shape: tuple[int, ...] = ()) -> LabelledLatent:
        y_key, z_key = jax.random.split(key)
        y = self.label.sample(y_key, (math.prod(sample_shape),))
        z = jax.vmap(lambda k, one: self.at(one).sample(k))(jax.random.split(z_key, len(y)), y)
        return jax.tree.map(lambda leaf: leaf.reshape(*sample_shape, *leaf.shape[1:]), LabelledLatent(y, z))

    def log_prob(self, value: LabelledLatent) -> Float[Array, ""]:
        return self.label.log_prob(value.y) + self.at(value.y).log_prob(value.z)

    @property
    def mean(self) -> LabelledLatent | None:
        """The probability of each class, and E[z]; None where that of p(z|y) is not known."""
        if (means := jax.vmap(abilities.mean)(self.given)) is None:
            return None
        return LabelledLatent(self.label.mean, jax.tree.map(lambda m: jnp.tensordot(self.label.mean, m, 1), means))


@kl_between(Labelled, Labelled)
def _kl_labelled(p: Labelled, q: Labelled) -> Float[Array, ""]:
    """KL(p(y) || q(y)) + sum_y p(y) KL(p(z|y) || q(z|y))."""
    given = jax.vmap(kl_divergence)(p.given, q.given)
    return kl_divergence(p.label, q.label) + jnp.sum(times(p.label.mean, given))


@functools.singledispatch
def with_label(q: Distribution) -> Labelled | None:
    """A distribution as one over a label and the latents beside it, or None where it has no label."""
    return None


with_label.register(Labelled, lambda q: q)
abilities.mean.register(Labelled, lambda q: q.mean)
abilities.is_discrete.register(Labelled, lambda q: True)
abilities.has_gradient.register(Labelled, lambda q: False)
abilities.is_cheap_to_evaluate.register(Labelled, lambda q: abilities.is_cheap_to_evaluate(q.given))
