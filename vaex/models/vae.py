"""The variational autoencoder: networks, and the distributions that their outputs mean."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from vaex.choices import Build
from vaex.errors import check_whole
from vaex.model import Condition, Distribution, Example, Family, Latent, Model, Params
from vaex.models import likelihoods, posterior_table
from vaex.models.description import Description, Kind, Source, describe, of_one_example, structure_of
from vaex.models.likelihood_parts import Likelihood, build_likelihood, output_bias
from vaex.models.likelihoods import LIKELIHOODS
from vaex.models.posterior_table import POSTERIORS
from vaex.models.posteriors import Posterior
from vaex.models.prior_table import PRIORS, Prior, build_prior
from vaex.models.structure import Factor, recognition
from vaex.networks import NETWORKS, as_vector
from vaex.networks.pairs import Shape, mlp


@dataclass(frozen=True)
class VAE:
    """The static description of a variational autoencoder, which may have a condition in all of its parts.

    log p(x|c) >= E_q(z|x,c)[log p(x|z, c)] - KL(q(z|x, c) || p(z|c))

    >>> vae = VAE(x_shape=(784,), encoder=..., decoder=..., prior=..., posterior=..., likelihood=...)
    >>> model = vae.bind(vae.init(key))

    Attributes:
        x_shape: the shape of one example.
        encoder: x, or join(x, c) -> the raw parameters of q(z|x, c).
        decoder: z, or as_vector(z, c) -> the raw parameters of p(x|z, c).
        prior: what the raw parameters mean; of p(z|c), its apply is (params, encode, c) -> p(z|c).
        posterior: likewise.
        likelihood: likewise.
        join: how the encoder's input is made of x and c: `as_vector` or `as_channels`.
        join_latent: how the decoder's input is made of z and c.

    Source: Kingma and Welling 2013; with a condition Sohn, Lee and Yan 2015.
    """

    x_shape: tuple[int, ...]
    encoder: nn.Module
    decoder: nn.Module
    prior: Family | Prior
    posterior: Family | Posterior
    likelihood: Family | Likelihood
    join: Callable[[Example, Condition], Array] = as_vector
    join_latent: Callable[[Latent, Condition], Latent] = as_vector

    def init(self, key: PRNGKeyArray, condition: Condition = None) -> Params:
        """Parameters drawn from `key`: a dict with one entry for each part.

        Args:
            key: a PRNG key.
            condition: one of the right shape, None where there is none.
        """
        keys = jax.random.split(key, 5)
        raw, encoder = self.encoder.init_with_output(keys[1], self._seen(jnp.zeros(self.x_shape), condition))
        posterior = self.posterior.init(keys[2])
        z = draw_of_zeros(lambda key: self.posterior.apply(posterior, raw).sample(key))
        return {
            "prior": self.prior.init(keys[0]),
            "encoder": encoder,
            "posterior": posterior,
            "decoder": self.decoder.init(keys[3], self._with(z, condition)),
            "likelihood": self.likelihood.init(keys[4]),
        }

    def bind(self, params: Params, condition: Condition = None) -> Model:
        """The model that these parameters make, under a condition or without one: three closures."""

        def encode(x: Float[Array, "..."]) -> Distribution:
            return self.posterior.apply(
                params["posterior"], self.encoder.apply(params["encoder"], self._seen(x, condition))
            )

        def decode(z: Latent) -> Distribution:
            raw = self.decoder.apply(params["decoder"], self._with(z, condition))
            return self.likelihood.apply(params["likelihood"], raw)

        given = () if condition is None else (condition,)
        prior = self.prior.apply(params["prior"], encode, *given)
        return of_one_example(Model(prior=prior, encode=encode, decode=decode), self.x_shape)

    def _seen(self, x: Example, condition: Condition) -> Example:
        return x if condition is None else self.join(x, condition)

    def _with(self, z: Latent, condition: Condition) -> Latent:
        return z if condition is None else self.join_latent(z, condition)


def draw_of_zeros(draw: Callable[[PRNGKeyArray], Latent]) -> Latent:
    """Zeros in the shapes of a draw, which is not drawn: what a network's parameters start from."""
    return jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), jax.eval_shape(draw, jax.random.key(0)))


def vae(
    source: Source,
    *,
    latent_dim: int = 20,
    network: Annotated[Build, NETWORKS] = mlp,
    posterior: Annotated[Build, POSTERIORS] = posterior_table.diagonal,
    prior: Annotated[Build | None, PRIORS] = None,
    likelihood: Annotated[Build, LIKELIHOODS] = likelihoods.bernoulli,
) -> Description:
    """One vector of latents between an encoder and a decoder.

    Args:
        source: what it is built for.
        latent_dim: how many latents there are.
        network: the encoder and the decoder.
        posterior: q(z|x).
        prior: p(z); unset, what goes with the posterior, or given a condition a network's p(z|c).
        likelihood: p(x|z).
    """
    check_whole(latent_dim=latent_dim)
    q, networks = posterior(latent_dim), network()
    p_x, p_z = build_likelihood(likelihood, source), build_prior(prior, latent_dim, source, q)
    raw_shape = p_x.raw_shape(source.x_shape)
    found = VAE(
        x_shape=source.x_shape,
        encoder=networks.encoder(q.raw_shape),
        decoder=networks.decoder(raw_shape, output_bias(p_x, source)),
        prior=p_z,
        posterior=q,
        likelihood=p_x,
        join=networks.join,
    )
    description = describe(found, source)
    z = _latent_shape(description, source)
    c, of_x = (("c",), ("x", "c")) if source.condition_shape is not None else ((), ("x",))
    net = NETWORKS.name_of(network)
    return description._replace(
        generator=("decoder",),
        refit=p_z.refit,
        reports=(*description.reports, *p_z.reports),
        num_components=p_z.num_components,
        figures=(*description.figures, *p_z.figures),
        structure=structure_of(
            source,
            {"z": z},
            Factor("z", c if p_z.is_given or p_z.is_of_posterior else (), (p_z.name,), ("prior",)),
            Factor("x", ("z", *c), (net, LIKELIHOODS.name_of(likelihood)), ("decoder", "likelihood")),
            recognition("z", of_x, (net, POSTERIORS.name_of(posterior)), ("encoder", "posterior")),
        ),
    )


def _latent_shape(description: Description, source: Source) -> Shape:
    def draw(key: PRNGKeyArray) -> Latent:
        made = description.bind(description.init(key))
        model = made if source.condition_shape is None else made.given(jnp.zeros(source.condition_shape))
        return model.prior.sample(key)

    return jax.eval_shape(draw, jax.random.key(0)).shape


KIND = Kind(vae)
