"""Autoencoders: a point for q(z|x), no p(z), and for the denoising kind an encoder that sees a corrupted example."""

from typing import Annotated, NoReturn

import jax
import jax.numpy as jnp
import numpyro.distributions as dist
from jaxtyping import PRNGKeyArray

from vaex.choices import Build
from vaex.distributions.shapes import value_shape
from vaex.errors import UsageError, check_whole
from vaex.model import Condition, Conditional, Encode, Family, Given, Model, Value
from vaex.models import likelihoods
from vaex.models.description import Description, Kind, Source, refuse, structure_of
from vaex.models.likelihood_parts import build_likelihood, output_bias
from vaex.models.likelihoods import LIKELIHOODS
from vaex.models.noise import NOISES
from vaex.models.structure import OBSERVED, Factor, Variable, recognition
from vaex.models.vae import VAE
from vaex.networks import NETWORKS
from vaex.networks.pairs import mlp


def point() -> Family:
    """The posterior that is one point: z = raw."""
    return Family(init=lambda key: {}, apply=lambda params, raw: dist.Delta(raw, event_dim=jnp.ndim(raw)))


class NoPrior:
    """What stands for p(z) where there is none: whoever asks it for a draw or a density is told."""

    def sample(self, key: PRNGKeyArray, sample_shape: tuple[int, ...] = ()) -> NoReturn:
        raise UsageError("an autoencoder has no p(z) to draw from: train a VAE for samples")

    def log_prob(self, value: Value) -> NoReturn:
        raise UsageError("an autoencoder has no p(z), and with it no bound on log p(x): train a VAE for one")


value_shape.register(NoPrior, lambda p: None)


def no_prior() -> Family:
    """No p(z)."""
    return Family(init=lambda key: {}, apply=lambda params, encode: NoPrior())


def shown_corrupted(model: Model) -> Conditional:
    """A model whose encoder is shown what is given in the place of the example.

    q(z|c) = encode(c), p(x|z) as before: the condition c is the corrupted x, which the decoder never sees.

    Source: Vincent, Larochelle, Bengio and Manzagol 2008.
    """

    def given(corrupted: Condition) -> Model:
        encode: Encode = lambda x: model.encode(corrupted)
        return model._replace(encode=encode)

    return Conditional(given)


def autoencoder(
    source: Source,
    *,
    latent_dim: int = 20,
    network: Annotated[Build, NETWORKS] = mlp,
    noise: Annotated[Build | None, NOISES] = None,
    likelihood: Annotated[Build, LIKELIHOODS] = likelihoods.bernoulli,
) -> Description:
    """An encoder and a decoder without p(z), and with it without a bound on log p(x).

    Args:
        source: what it is built for.
        latent_dim: how many latents there are.
        network: the encoder and the decoder.
        noise: what corrupts the encoder's input; unset, nothing.
        likelihood: p(x|z).
    """
    refuse("autoencoder", source, condition="which has no p(z|c)", mask="and to impute needs p(z)")
    check_whole(latent_dim=latent_dim)
    net = NETWORKS.name_of(network)
    networks, p_x = network(), build_likelihood(likelihood, source)
    found = VAE(
        x_shape=source.x_shape,
        encoder=networks.encoder((latent_dim,)),
        decoder=networks.decoder(p_x.raw_shape(source.x_shape), output_bias(p_x, source)),
        prior=no_prior(),
        posterior=point(),
        likelihood=p_x,
    )
    plain = Description(
        found.init,
        found.bind,
        metrics=("reconstruction",),
        reports=("reconstruction",),
        figures=("autoencoded",),
        select="log_px_z",
    )
    decoded = Factor("x", ("z",), (net, LIKELIHOODS.name_of(likelihood)), ("decoder", "likelihood"))
    encoded = recognition("z", ("x",), (net, "a point"), ("encoder",))
    latents = {"z": (latent_dim,)}
    if noise is None:
        return plain._replace(structure=structure_of(source, latents, decoded, encoded))
    corrupted = recognition("x̃", ("x",), (NOISES.name_of(noise),))
    graph = structure_of(source, latents, decoded, corrupted, encoded._replace(given=("x̃",)))
    graph = graph._replace(variables=(*graph.variables, Variable("x̃", source.x_shape, OBSERVED)))
    corrupt = noise()
    prepare = lambda key, x: Given(x, corrupt(jax.random.fold_in(key, 1), x))
    shown = lambda params: shown_corrupted(found.bind(params))
    return plain._replace(bind=shown, prepare=prepare, structure=graph)


KIND = Kind(autoencoder, objectives=("reconstruction",))
