"""Distributions over the latents of two models, of which the upper one models the latents of the lower."""

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import jax
from jax.tree_util import Partial
from jaxtyping import Array, Float, PRNGKeyArray

from vaex.distributions import abilities
from vaex.model import Distribution, Latent, Model


class StackedLatent(NamedTuple):
    """The latents of two models, the upper one of which models those of the lower."""

    below: Latent
    above: Latent


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class StackedPosterior:
    """q(z1|x) q(z2|z1)."""

    below: Distribution  # q(z1|x)
    above: Partial  # z1 -> q(z2|z1), a pytree as its parameters are among it

    def sample_and_log_prob(self, key: PRNGKeyArray, sample_shape: tuple[int, ...] = ()) -> tuple[StackedLatent, Array]:
        below_key, above_key = jax.random.split(key)
        z1 = self.below.sample(below_key, sample_shape)

        def extend(k: PRNGKeyArray, z1: Latent) -> tuple[StackedLatent, Array]:
            q = self.above(z1)
            z2 = q.sample(k)
            return StackedLatent(z1, z2), self.below.log_prob(z1) + q.log_prob(z2)

        keys = jax.random.split(above_key, sample_shape)
        for _ in sample_shape:
            extend = jax.vmap(extend)
        return extend(keys, z1)

    def sample(self, key: PRNGKeyArray, sample_shape: tuple[int, ...] = ()) -> StackedLatent:
        return self.sample_and_log_prob(key, sample_shape)[0]

    def log_prob(self, value: StackedLatent) -> Float[Array, ""]:
        return self.below.log_prob(value.below) + self.above(value.below).log_prob(value.above)

    def estimate_mean(self, key: PRNGKeyArray, num_samples: int) -> StackedLatent:
        """E[z1], and the mean of E[z2|z1] over draws of z1, which has less noise than that of draws of z2."""
        below_key, key = jax.random.split(key)
        z1 = self.below.sample(below_key, (num_samples,))
        above = jax.vmap(lambda z1: abilities.mean(self.above(z1)))(z1)
        draws = self.sample(key, (num_samples,)) if above is None else StackedLatent(z1, above)
        estimate = jax.tree.map(lambda leaf: leaf.mean(axis=0), draws)
        return estimate if (below := abilities.mean(self.below)) is None else estimate._replace(below=below)

    def ask(self, ability: Callable[[Distribution], bool]) -> list[bool]:
        """What an ability answers for q(z1|x) and for q(z2|z1), of whose numbers none are computed."""
        answers = [ability(self.below)]
        jax.eval_shape(lambda: answers.append(ability(self.above(self.below.sample(jax.random.key(0))))))
        return answers


@dataclass(frozen=True)
class Generated:
    """p(z2) p(z1|z2): what a model generates, together with its latents, as the prior of a lower model."""

    model: Model

    def sample(self, key: PRNGKeyArray, sample_shape: tuple[int, ...] = ()) -> StackedLatent:
        above_key, below_key = jax.random.split(key)
        z2 = self.model.prior.sample(above_key, sample_shape)
        draw = lambda k, z2: self.model.decode(z2).sample(k)
        for _ in sample_shape:
            draw = jax.vmap(draw)
        return StackedLatent(draw(jax.random.split(below_key, sample_shape), z2), z2)

    def ask(self, ability: Callable[[Distribution], bool]) -> list[bool]:
        """What an ability answers for p(z2) and for p(z1|z2), of whose numbers none are computed."""
        answers = [ability(self.model.prior)]
        jax.eval_shape(lambda: answers.append(ability(self.model.decode(self.model.prior.sample(jax.random.key(0))))))
        return answers

    def log_prob(self, value: StackedLatent) -> Float[Array, ""]:
        return self.model.prior.log_prob(value.above) + self.model.decode(value.above).log_prob(value.below)


@functools.singledispatch
def generator(p: Distribution) -> Model | None:
    """The model that generates p's draws together with its own latents, or None where there is none."""
    return None


generator.register(Generated, lambda p: p.model)
abilities.is_discrete.register(Generated, lambda p: any(p.ask(abilities.is_discrete)))
abilities.has_gradient.register(Generated, lambda p: all(p.ask(abilities.has_gradient)))
abilities.is_cheap_to_evaluate.register(Generated, lambda p: False)
abilities.own_estimate_mean.register(StackedPosterior, lambda q: q.estimate_mean)
abilities.own_sample_and_log_prob.register(StackedPosterior, lambda q: q.sample_and_log_prob)
abilities.is_cheap_to_evaluate.register(StackedPosterior, lambda q: False)
abilities.is_discrete.register(StackedPosterior, lambda q: any(q.ask(abilities.is_discrete)))
abilities.has_gradient.register(StackedPosterior, lambda q: all(q.ask(abilities.has_gradient)))
