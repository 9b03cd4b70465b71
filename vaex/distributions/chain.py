"""Distributions over a tuple of latents, drawn one after another: what a hierarchy's p(z) and q(z|x) are."""

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from vaex.distributions import abilities
from vaex.distributions.divergences import closed_form_kl
from vaex.distributions.shapes import for_each_draw, log_density
from vaex.model import Distribution, Latent, Params, Weighed

_LAYER = "a layer's conditional"
State = Any  # what the layers so far say to the next: an array, or a pytree of them


def _drawn(params: Params, state: State, z: Latent) -> State:
    return z


class Link(NamedTuple):
    """One conditional of a chain: static functions of its parameters and of what was drawn before it."""

    given: Callable[[Params, State], Distribution]  # (params, state) -> p(z_l | state)
    # (params, state, z_l) -> the next one's state
    then: Callable[[Params, State, Latent], State] = _drawn


@functools.partial(jax.tree_util.register_dataclass, data_fields=("params", "state"), meta_fields=("links", "top_down"))
@dataclass(frozen=True)
class Chain:
    """A distribution over a tuple z = (z_1, ..., z_L), whose z_1 is nearest to x.

    top down:   p(z) = p(z_L) p(z_{L-1}|z_L) ... p(z_1|z_2)
    bottom up:  q(z) = q(z_1) q(z_2|z_1) ... q(z_L|z_{L-1})

    A link's state is what was drawn just before it, unless `then` carries more: a conditional may depend on all that
    went before. One value at a time; jax.vmap makes a batch. All arrays are leaves, so that stop_gradient(q) freezes
    the parameters of every conditional and leaves the draws that they are conditioned on moving.

    Attributes:
        links: the conditionals, in the order in which they are drawn.
        params: the parameters of each.
        state: what the first conditional is given.
        top_down: whether z_L is drawn first, or z_1.
    """

    links: tuple[Link, ...]
    params: tuple[Params, ...]
    state: State
    top_down: bool

    def sample(self, key: PRNGKeyArray, sample_shape: tuple[int, ...] = ()) -> tuple[Latent, ...]:
        return self.sample_and_log_prob(key, sample_shape)[0]

    def sample_and_log_prob(
        self, key: PRNGKeyArray, sample_shape: tuple[int, ...] = ()
    ) -> tuple[tuple[Latent, ...], Float[Array, "..."]]:
        """Draws with their log-densities, for which no network is applied a second time."""

        def one(key: PRNGKeyArray) -> tuple[tuple[Latent, ...], Array]:
            conditionals, z = self.draw(key)
            return z, jnp.sum(_log_densities(conditionals, z))

        return for_each_draw(one, key, sample_shape)

    def log_prob(self, value: tuple[Latent, ...]) -> Float[Array, ""]:
        return jnp.sum(self.log_prob_per_layer(value))

    def log_prob_per_layer(self, value: tuple[Latent, ...]) -> Float[Array, " l"]:
        """The log-density of z_1, ..., z_L, each given what is drawn before it: their sum is log_prob."""
        drawn = value[::-1] if self.top_down else value
        conditionals, _ = self.walk(lambda i, conditional: drawn[i])
        return _log_densities(conditionals, value)

    def estimate_mean(self, key: PRNGKeyArray, num_samples: int) -> tuple[Latent, ...]:
        """E[z] as the average over draws of each conditional's mean, which has less noise than that of the draws.

        E[z_l] = E[E[z_l | what is drawn before it]]
        """

        def one(key: PRNGKeyArray) -> tuple[Latent, ...]:
            conditionals, z = self.draw(key)
            means = map(abilities.mean, conditionals)
            return tuple(z_l if mean is None else mean for mean, z_l in zip(means, z, strict=True))

        return jax.tree.map(lambda means: jnp.mean(means, axis=0), for_each_draw(one, key, (num_samples,)))

    def ask(self, ability: Callable[[Distribution], bool]) -> list[bool]:
        """What an ability answers for each conditional, of whose numbers none are computed."""
        answers: list[bool] = []

        def choose(i: int, conditional: Distribution) -> Latent:
            answers.append(ability(conditional))
            return conditional.sample(jax.random.key(i))

        jax.eval_shape(lambda: self.walk(choose)[1])
        return answers

    def draw(self, key: PRNGKeyArray) -> tuple[tuple[Distribution, ...], tuple[Latent, ...]]:
        """The conditionals and the values of one draw, each from its own."""
        return self.walk(lambda i, conditional: conditional.sample(jax.random.fold_in(key, i)))

    def walk(
        self, choose: Callable[[int, Distribution], Latent]
    ) -> tuple[tuple[Distribution, ...], tuple[Latent, ...]]:
        """The conditionals and the chosen values of z_1, ..., z_L."""
        state, conditionals, values = self.state, [], []
        for i, (link, params) in enumerate(zip(self.links, self.params, strict=True)):
            conditionals.append(link.given(params, state))
            values.append(choose(i, conditionals[-1]))
            state = link.then(params, state, values[-1])
        order = slice(None, None, -1 if self.top_down else 1)
        return tuple(conditionals[order]), tuple(values[order])


@abilities.draw_beside.register(Chain)
def _(q: Chain, p: Distribution) -> abilities.Beside | None:
    if type(p) is not Chain or q.top_down != p.top_down:
        return None

    prior: Any = p

    def weigh(key: PRNGKeyArray, decode: Callable[[Latent], Distribution]) -> Weighed:
        ours, z = q.draw(key)
        drawn = z[::-1] if prior.top_down else z
        theirs, _ = prior.walk(lambda i, conditional: drawn[i])
        log_q, log_p = _log_densities(ours, z), _log_densities(theirs, z)
        return Weighed(decode(z), jnp.sum(log_p), jnp.sum(log_q), stacked_kls(ours, theirs))

    return weigh


def stacked_kls(ours: Sequence[Distribution], theirs: Sequence[Distribution]) -> Float[Array, " l"] | None:
    """KL(q_l || p_l) of pairs, in nats; None where the closed form of one is not known."""
    kls = [closed_form_kl(q, p) for q, p in zip(ours, theirs, strict=True)]
    known = [kl for kl in kls if kl is not None]
    return jnp.stack(known) if len(known) == len(kls) else None


abilities.own_estimate_mean.register(Chain, lambda q: q.estimate_mean)
abilities.own_sample_and_log_prob.register(Chain, lambda q: q.sample_and_log_prob)
abilities.log_prob_per_layer.register(Chain, lambda q: q.log_prob_per_layer)
abilities.is_cheap_to_evaluate.register(Chain, lambda q: False)
abilities.is_discrete.register(Chain, lambda q: any(q.ask(abilities.is_discrete)))
abilities.has_gradient.register(Chain, lambda q: all(q.ask(abilities.has_gradient)))


def _log_densities(conditionals: Sequence[Distribution], values: Sequence[Latent]) -> Float[Array, " l"]:
    return jnp.stack([log_density(_LAYER, p, value) for p, value in zip(conditionals, values, strict=True)])
