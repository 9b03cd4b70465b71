"""Distributions over codes: the point mass on the nearest, and an autoregressive one over a grid of them."""

import functools
import math
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, PRNGKeyArray

from vaex.bounds import with_value
from vaex.distributions import abilities, shapes
from vaex.model import Distribution

_MOST_PAIRED = 1024  # codes, between all pairs of which distances are taken


class Quantized(NamedTuple):
    """The point mass on the codes nearest to the encoder's vectors, one code for each of T places.

    q(z|x) = 1 where z_t = codes[argmin_k ||vectors_t - codes_k||],   and draws pass gradients straight to the vectors
    """

    vectors: Float[Array, "t d"]
    codes: Float[Array, "k d"]

    @property
    def indices(self) -> Int[Array, " t"]:
        """Which codes, [T]."""
        return nearest(self.vectors, self.codes)

    @property
    def mean(self) -> Float[Array, "t d"]:
        """The codes themselves."""
        return self.codes[self.indices]

    def sample(self, key: PRNGKeyArray, sample_shape: tuple[int, ...] = ()) -> Float[Array, "..."]:
        z = with_value(self.mean, self.vectors)  # the straight-through gradient: van den Oord et al. 2017, section 3.2
        return jnp.broadcast_to(z, (*sample_shape, *z.shape))

    def sample_and_log_prob(self, key: PRNGKeyArray, sample_shape: tuple[int, ...] = ()) -> tuple[Array, Array]:
        return self.sample(key, sample_shape), jnp.zeros(sample_shape)

    def log_prob(self, value: Float[Array, "t d"]) -> Float[Array, ""]:
        same = jnp.all(nearest(value, self.codes) == self.indices)
        return jnp.where(same, 0.0, -jnp.inf)


class CodePrior(NamedTuple):
    """log p(z) = sum_t log p(k_t|k_1, ..., k_{t-1}),   k_t the index of the code z_t."""

    logits: Callable[[Array], Array]  # indices [T] -> [T, K], those at t from the indices before t alone
    codes: Float[Array, "k d"]
    num_places: int

    def log_prob(self, value: Float[Array, "t d"]) -> Float[Array, ""]:
        return self.log_prob_of(nearest(value, self.codes))

    def log_prob_of(self, indices: Int[Array, " t"]) -> Float[Array, ""]:
        """Log p of the codes with these indices."""
        log_probs = jax.nn.log_softmax(self.logits(indices))
        return jnp.sum(jnp.take_along_axis(log_probs, indices[:, None], axis=-1))

    def sample(self, key: PRNGKeyArray, sample_shape: tuple[int, ...] = ()) -> Float[Array, "..."]:
        def place(indices: Array, t: Array, key: Array) -> Array:
            return indices.at[t].set(jax.random.categorical(jax.random.fold_in(key, t), self.logits(indices)[t]))

        def one(key: Array) -> Array:
            start = jnp.zeros(self.num_places, jnp.int32)
            return jax.lax.fori_loop(0, self.num_places, lambda t, indices: place(indices, t, key), start)

        indices = jax.vmap(one)(jax.random.split(key, math.prod(sample_shape)))
        return self.codes[indices].reshape(*sample_shape, self.num_places, self.codes.shape[-1])


def nearest(vectors: Float[Array, "... d"], codes: Float[Array, "k d"]) -> Int[Array, "..."]:
    """argmin_k ||v - codes_k||, of several the first.

    ||v - c_k||^2 = ||v - c_j||^2 + ||c_k - c_j||^2 - 2 (v - c_j)^T (c_k - c_j)

    Matrix products search from the codes' mean for a c_j that is near, and then from this one: codes whose distance is
    small beside their length would not be told apart from the origin. Above 1,024 codes the first search is all.
    """
    full = functools.partial(jnp.matmul, precision="highest")
    centre = jnp.mean(codes, axis=0)
    centred = codes - centre
    near = jnp.argmin(jnp.sum(centred**2, axis=-1) - 2 * full(vectors - centre, centred.T), axis=-1)
    if len(codes) > _MOST_PAIRED:
        return near
    between = jnp.sum((codes[:, None] - codes) ** 2, axis=-1)
    return jnp.argmin(between[near] - 2 * full(vectors - codes[near], centred.T), axis=-1)


@functools.singledispatch
def distance_to_codes(q: Distribution) -> Float[Array, ""] | None:
    """The squared distance of an encoder's vectors from the codes in their place, which stay; None where are none.

    sum_t ||vectors_t - sg(codes_t)||^2
    """
    return None


@distance_to_codes.register(Quantized)
def _(q: Quantized) -> Float[Array, ""]:
    return jnp.sum((q.vectors - jax.lax.stop_gradient(q.mean)) ** 2)


abilities.mean.register(Quantized, lambda q: q.mean)
abilities.own_sample_and_log_prob.register(Quantized, lambda q: q.sample_and_log_prob)
abilities.is_cheap_to_evaluate.register(Quantized, lambda q: False)
abilities.has_gradient.register(Quantized, lambda q: False)  # that of its draws is the straight-through one: biased
shapes.value_shape.register(CodePrior, lambda q: (q.num_places, q.codes.shape[-1]))
abilities.is_discrete.register(CodePrior, lambda q: True)
abilities.has_gradient.register(CodePrior, lambda q: False)
abilities.is_cheap_to_evaluate.register(CodePrior, lambda q: False)
