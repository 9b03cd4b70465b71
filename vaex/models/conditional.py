"""Conditional models: each network sees the condition beside what it is a function of."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from vaex.errors import UsageError
from vaex.model import Conditional, Distribution, Encode, Family, Latent, Model, Params


def as_vector(value: Any, condition: Any) -> Float[Array, " d"]:
    """Both flattened into one vector: the input of a network of vectors. A latent may be a pytree."""
    return jnp.concatenate([leaf.reshape(-1) for leaf in jax.tree.leaves((value, condition))])


def as_channels(image: Float[Array, "h w c"], condition: Float[Array, "..."]) -> Float[Array, "h w c_and_more"]:
    """The condition as further channels of an image: the input of a convolutional network.

    A vector becomes constant planes; an image is brought to the size of the other by repeating its pixels.
    """
    height, width = image.shape[:2]
    if condition.ndim == 1:
        condition = condition[None, None]
    rows, columns = (jnp.arange(n) * m // n for n, m in zip((height, width), condition.shape, strict=False))
    return jnp.concatenate([image, condition[rows][:, columns]], axis=-1)


def learned_prior(network: nn.Module, family: Family, condition_shape: tuple[int, ...]) -> Family:
    """The prior p(z|c) whose raw parameters a network computes from the condition.

    Args:
        network: c -> raw.
        family: what raw means: a diagonal Gaussian, say.
        condition_shape: the shape of c.

    Returns:
        A Family whose apply is (params, encode, c) -> p(z|c).

    Source: Sohn, Lee and Yan 2015, section 4.
    """

    def init(key: PRNGKeyArray) -> Params:
        network_key, family_key = jax.random.split(key)
        return {"network": network.init(network_key, jnp.zeros(condition_shape)), "family": family.init(family_key)}

    def apply(params: Params, encode: Encode, condition: Any) -> Distribution:
        return family.apply(params["family"], network.apply(params["network"], condition))

    return Family(init, apply)


def fixed_prior(prior: Family) -> Family:
    """A prior p(z) as a p(z|c) that does not depend on c, unless through q(z|x, c) as a VampPrior's."""
    return Family(prior.init, lambda params, encode, condition: prior.apply(params, encode))


@dataclass(frozen=True)
class ConditionalVAE:
    """The static description of a conditional variational autoencoder.

    log p(x|c) >= E_q(z|x,c)[log p(x|z, c)] - KL(q(z|x, c) || p(z|c))

    >>> vae = ConditionalVAE(x_shape=(784,), condition_shape=(10,), encoder=..., decoder=..., ...)
    >>> model = vae.bind(vae.init(key)).given(jax.nn.one_hot(3, 10))

    Attributes:
        x_shape, condition_shape: the shapes of one example and of its condition.
        encoder: join(x, c) -> the raw parameters of q(z|x, c).
        decoder: as_vector(z, c) -> the raw parameters of p(x|z, c).
        prior: p(z|c), of `learned_prior` or `fixed_prior`.
        posterior, likelihood: what the raw parameters mean.
        join: how the encoder's input is made: `as_vector` or `as_channels`.

    Source: Sohn, Lee and Yan 2015.
    """

    x_shape: tuple[int, ...]
    condition_shape: tuple[int, ...]
    encoder: nn.Module
    decoder: nn.Module
    prior: Family
    posterior: Family
    likelihood: Family
    join: Callable[[Any, Any], Array] = as_vector

    def init(self, key: PRNGKeyArray) -> Params:
        """Parameters drawn from `key`: a dict with one entry for each part."""
        keys = jax.random.split(key, 5)
        x, condition = jnp.zeros(self.x_shape), jnp.zeros(self.condition_shape)
        raw, encoder = self.encoder.init_with_output(keys[1], self.join(x, condition))
        z = self.posterior.apply(posterior := self.posterior.init(keys[2]), raw).sample(keys[0])
        return {
            "prior": self.prior.init(keys[0]),
            "encoder": encoder,
            "posterior": posterior,
            "decoder": self.decoder.init(keys[3], as_vector(z, condition)),
            "likelihood": self.likelihood.init(keys[4]),
        }

    def bind(self, params: Params) -> Conditional:
        """The model of each condition that these parameters make."""

        def given(condition: Float[Array, "..."]) -> Model:
            if jnp.shape(condition) != self.condition_shape:
                raise UsageError(
                    f"found a condition of shape {jnp.shape(condition)}: expected {self.condition_shape}, that of one "
                    "example; jax.vmap makes the batch"
                )

            def encode(x: Float[Array, "..."]) -> Distribution:
                raw = self.encoder.apply(params["encoder"], self.join(x, condition))
                return self.posterior.apply(params["posterior"], raw)

            def decode(z: Latent) -> Distribution:
                raw = self.decoder.apply(params["decoder"], as_vector(z, condition))
                return self.likelihood.apply(params["likelihood"], raw)

            return Model(prior=self.prior.apply(params["prior"], encode, condition), encode=encode, decode=decode)

        return Conditional(given)
