"""Autoencoders: a point for q(z|x), no p(z), and for the denoising kind an encoder that sees a corrupted example."""

from collections.abc import Callable
from typing import Any, NamedTuple, NoReturn

import jax.numpy as jnp
import numpyro.distributions as dist
from jaxtyping import Array, Float, PRNGKeyArray

from vaex.errors import UsageError
from vaex.model import Conditional, Distribution, Family, Model, Params


def point() -> Family:
    """The posterior that is one point: z = raw."""
    return Family(init=lambda key: {}, apply=lambda params, raw: dist.Delta(raw, event_dim=jnp.ndim(raw)))


class NoPrior:
    """What stands for p(z) where there is none: whoever asks it for a draw or a density is told."""

    def sample(self, key: Any, sample_shape: tuple[int, ...] = ()) -> NoReturn:
        raise UsageError("an autoencoder has no p(z) to draw from: train a VAE for samples")

    def log_prob(self, value: Any) -> NoReturn:
        raise UsageError("an autoencoder has no p(z), and with it no bound on log p(x): train a VAE for one")


def no_prior() -> Family:
    """No p(z)."""
    return Family(init=lambda key: {}, apply=lambda params, encode: NoPrior())


class Denoising(NamedTuple):
    """Any description of a model, its encoder shown what is given in the place of the example.

    q(z|c) = encode(c), p(x|z) as before: the condition c is the corrupted x, which the decoder never sees.

    Source: Vincent, Larochelle, Bengio and Manzagol 2008.
    """

    of: Any  # init(key) -> params, bind(params) -> Model

    def init(self, key: PRNGKeyArray) -> Params:
        return self.of.init(key)

    def bind(self, params: Params) -> Conditional:
        model: Model = self.of.bind(params)

        def given(corrupted: Float[Array, "..."]) -> Model:
            encode: Callable[[Any], Distribution] = lambda x: model.encode(corrupted)
            return model._replace(encode=encode)

        return Conditional(given)
