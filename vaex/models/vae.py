"""The variational autoencoder: networks, and the distributions that their outputs mean."""

from dataclasses import dataclass

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from vaex.model import Distribution, Family, Latent, Model, Params


@dataclass(frozen=True)
class VAE:
    """The static description of a variational autoencoder: networks, and the distributions their outputs mean.

    >>> vae = VAE(x_shape=(784,), encoder=..., decoder=..., prior=..., posterior=..., likelihood=...)
    >>> model = vae.bind(vae.init(key))

    Attributes:
        x_shape: the shape of one example.
        encoder: x -> the raw parameters of q(z|x).
        decoder: z -> the raw parameters of p(x|z).
        prior, posterior, likelihood: what the raw parameters mean.
    """

    x_shape: tuple[int, ...]
    encoder: nn.Module
    decoder: nn.Module
    prior: Family
    posterior: Family
    likelihood: Family

    def init(self, key: PRNGKeyArray) -> Params:
        """Parameters drawn from `key`: a dict with one entry for each part."""
        keys = jax.random.split(key, 5)
        x = jnp.zeros(self.x_shape)
        raw, encoder = self.encoder.init_with_output(keys[1], x)
        z = self.posterior.apply(posterior := self.posterior.init(keys[2]), raw).sample(keys[0])
        return {
            "prior": self.prior.init(keys[0]),
            "encoder": encoder,
            "posterior": posterior,
            "decoder": self.decoder.init(keys[3], z),
            "likelihood": self.likelihood.init(keys[4]),
        }

    def bind(self, params: Params) -> Model:
        """The model that these parameters make: three closures."""

        def encode(x: Float[Array, "..."]) -> Distribution:
            return self.posterior.apply(params["posterior"], self.encoder.apply(params["encoder"], x))

        def decode(z: Latent) -> Distribution:
            return self.likelihood.apply(params["likelihood"], self.decoder.apply(params["decoder"], z))

        return Model(prior=self.prior.apply(params["prior"], encode), encode=encode, decode=decode)
