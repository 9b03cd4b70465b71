"""A model is three functions; a VAE is the static description from which parameters make one."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol, runtime_checkable

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpyro.distributions as dist
from jax.typing import ArrayLike
from jaxtyping import Array, Float, PRNGKeyArray

from vaex.distributions import IndependentBernoulli, OneHotCategorical

Params = Any  # a pytree of arrays
Latent = Any  # what a posterior samples: an array, or a pytree of them
RECOGNITION = ("encoder", "posterior")  # the parameters of q(z|x); all others are the generator's


@runtime_checkable
class Distribution(Protocol):
    """What vaex asks of a distribution; every numpyro distribution is one."""

    def sample(self, key: Any, sample_shape: tuple[int, ...] = ()) -> Any: ...

    def log_prob(self, value: Any) -> Any: ...


class Model(NamedTuple):
    """A latent-variable model and its recognition model, for one example at a time.

    log p(x, z) = log p(z) + log p(x|z),   q(z|x)

    This is all that objectives and evaluation know. Three lambdas over the networks of any library make one.
    """

    prior: Distribution  # p(z)
    encode: Callable[[Any], Distribution]  # x -> q(z|x)
    decode: Callable[[Latent], Distribution]  # z -> p(x|z)


class Family(NamedTuple):
    """A distribution computed from parameters of its own and, but for a prior, from the raw output of a network."""

    init: Callable[[PRNGKeyArray], Params]  # key -> params
    apply: Callable[..., Distribution]  # (params, raw) -> p(.|raw); of a prior, params -> p(.)


def standard_normal(latent_dim: int) -> Family:
    """The prior p(z) = N(0, I)."""
    return Family(
        init=lambda key: {},
        apply=lambda params: dist.Normal(jnp.zeros(latent_dim), jnp.ones(latent_dim)).to_event(1),
    )


def diagonal_normal() -> Family:
    """The posterior q(z|x) = N(mean, diag(exp(log_var))), where raw = [mean, log_var].

    Source: Kingma and Welling 2013, equation 9.
    """

    def apply(params: Params, raw: Float[Array, " two_d"]) -> Distribution:
        mean, log_var = jnp.split(raw, 2, axis=-1)
        return dist.Normal(mean, jnp.exp(0.5 * log_var)).to_event(1)

    return Family(init=lambda key: {}, apply=apply)


def uniform_one_hot(latent_dim: int, num_classes: int) -> Family:
    """The prior under which each of latent_dim one-hot vectors is uniform over its classes."""
    return Family(
        init=lambda key: {},
        apply=lambda params: OneHotCategorical(jnp.zeros((latent_dim, num_classes))).to_event(1),
    )


def one_hot() -> Family:
    """The posterior of independent one-hot vectors, where raw is their logits, [latent_dim, classes].

    Source: Jang, Gu and Poole 2017, section 4.
    """
    return Family(init=lambda key: {}, apply=lambda params, raw: OneHotCategorical(raw).to_event(1))


def bernoulli() -> Family:
    """The likelihood p(x|z) = prod_j Bernoulli(x_j; sigmoid(raw_j)).

    Source: Kingma and Welling 2013, appendix C.1.
    """
    return Family(init=lambda key: {}, apply=lambda params, raw: IndependentBernoulli(raw, raw.ndim))


def normal_fixed(sigma: float) -> Family:
    """The likelihood p(x|z) = N(raw, sigma^2 I) with sigma given."""
    return Family(
        init=lambda key: {},
        apply=lambda params, raw: dist.Normal(raw, jnp.full_like(raw, sigma)).to_event(raw.ndim),
    )


def normal_learned(sigma: ArrayLike) -> Family:
    """The likelihood p(x|z) = N(raw, diag(sigma^2)) with sigma learned, the same for every z.

    Args:
        sigma: where learning starts. A scalar is one sigma for all pixels, an array of x's shape one for each.

    Source: the scalar as in Rybkin, Daniilidis and Levine 2021.
    """

    def apply(params: Params, raw: Float[Array, "..."]) -> Distribution:
        return dist.Normal(raw, jnp.broadcast_to(jnp.exp(params["log_sigma"]), raw.shape)).to_event(raw.ndim)

    return Family(init=lambda key: {"log_sigma": jnp.log(jnp.asarray(sigma, jnp.float32))}, apply=apply)


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
        z = self.prior.apply(prior := self.prior.init(keys[0])).sample(keys[0])
        return {
            "prior": prior,
            "encoder": self.encoder.init(keys[1], jnp.zeros(self.x_shape)),
            "posterior": self.posterior.init(keys[2]),
            "decoder": self.decoder.init(keys[3], z),
            "likelihood": self.likelihood.init(keys[4]),
        }

    def bind(self, params: Params) -> Model:
        """The model that these parameters make: three closures."""

        def encode(x: Float[Array, "..."]) -> Distribution:
            return self.posterior.apply(params["posterior"], self.encoder.apply(params["encoder"], x))

        def decode(z: Latent) -> Distribution:
            return self.likelihood.apply(params["likelihood"], self.decoder.apply(params["decoder"], z))

        return Model(prior=self.prior.apply(params["prior"]), encode=encode, decode=decode)
