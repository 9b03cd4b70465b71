"""Models by the names of their kinds in a config: the networks, and the distributions that their outputs mean."""

import functools
from collections.abc import Callable
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from vaex.config.checks import lookup
from vaex.config.conditions import condition, condition_shape
from vaex.config.fields import Config
from vaex.config.latents import POSTERIORS, PRIORS
from vaex.config.likelihoods import Shape, Source, build_likelihood, likelihood_of, output_bias
from vaex.config.missing import PartiallyObserved
from vaex.config.networks import NETWORKS, activation_of
from vaex.errors import UsageError
from vaex.model import Family
from vaex.models import autoencoder, hierarchy, posteriors, priors
from vaex.models.conditional import ConditionalVAE, fixed_prior, learned_prior
from vaex.models.deep import TopDown
from vaex.models.m1m2 import M1M2
from vaex.models.m2 import M2
from vaex.models.vae import VAE
from vaex.models.vqvae import VQVAE
from vaex.networks import MLP
from vaex.networks.grid import CausalGrid, GridDecoder, GridEncoder


def build_vae(config: Config, source: Source) -> VAE:
    """The VAE of a config."""
    c = config.model
    likelihood = likelihood_of(config)
    posterior = lookup(POSTERIORS, c.posterior, "model.posterior")
    prior = lookup(PRIORS, c.prior or posterior.prior, "model.prior")
    networks = lookup(NETWORKS, c.network, "model.network")
    activation = activation_of(c)
    return VAE(
        x_shape=source.x_shape,
        encoder=networks.encoder(c, activation, posterior.raw_shape(c)),
        decoder=networks.decoder(c, activation, likelihood.raw_shape(c, source.x_shape), output_bias(config, source)),
        prior=prior(c, source),
        posterior=posterior.family(c),
        likelihood=build_likelihood(config, source),
    )


def build_conditional(config: Config, source: Source) -> ConditionalVAE:
    """The conditional VAE of a config: the networks of the plain one, with the condition in their inputs."""
    c, kind = config.model, condition(config)
    assert kind is not None, c.kind
    observed = jax.eval_shape(kind.observed, jnp.zeros(source.x_shape)).shape
    shape = condition_shape(config, source.x_shape)
    plain = build_vae(config, Source(observed, None if source.images is None else kind.observed(source.images)))
    return ConditionalVAE(
        x_shape=plain.x_shape,
        condition_shape=shape,
        encoder=plain.encoder,
        decoder=plain.decoder,
        prior=_learned_prior(c, shape) if c.prior is None else fixed_prior(plain.prior),
        posterior=plain.posterior,
        likelihood=plain.likelihood,
        join=NETWORKS[c.network].join,
    )


def _learned_prior(c: Any, shape: Shape) -> Family:
    """A network's p(z|c): a diagonal Gaussian, or a categorical one for one-hot latents."""
    kinds = {"standard": POSTERIORS["diagonal"], "uniform": POSTERIORS["one_hot"]}
    kind = kinds.get(POSTERIORS[c.posterior].prior)
    if kind is None:
        raise UsageError(
            f"model.posterior is {c.posterior!r}, whose latents no learned p(z|c) is known for: set "
            f"--config.model.prior={POSTERIORS[c.posterior].prior}"
        )
    network = MLP(tuple(c.encoder_hidden), kind.raw_shape(c), activation_of(c))
    return learned_prior(network, kind.family(c), shape)


def build_hierarchy(config: Config, source: Source) -> VAE:
    """Stochastic layers, with a posterior that goes bottom up."""
    c, dims = config.model, tuple(config.model.latent_dims)
    activation = activation_of(c)
    pairs = list(zip(c.between_hidden, dims[:-1], dims[1:], strict=True))
    return VAE(
        x_shape=source.x_shape,
        encoder=MLP(tuple(c.encoder_hidden), (2 * dims[0],), activation),
        decoder=_lowest(config, source),
        prior=_layered_prior(config),
        posterior=hierarchy.bottom_up([MLP(hidden, (2 * up,), activation) for hidden, _, up in pairs], dims),
        likelihood=build_likelihood(config, source),
    )


def build_ladder(config: Config, source: Source) -> hierarchy.Ladder:
    """The same generator, with a posterior that goes down with it."""
    c = config.model
    activation = activation_of(c)
    hidden = (tuple(c.encoder_hidden), *c.between_hidden)
    return hierarchy.Ladder(
        x_shape=source.x_shape,
        encoder=hierarchy.Messages(hidden, tuple(c.latent_dims), activation),
        decoder=_lowest(config, source),
        prior=_layered_prior(config),
        likelihood=build_likelihood(config, source),
    )


def _layered_prior(config: Config) -> Family:
    c, dims = config.model, tuple(config.model.latent_dims)
    activation = activation_of(c)
    networks = [
        MLP(hidden[::-1], (2 * down,), activation) for hidden, down in zip(c.between_hidden, dims[:-1], strict=True)
    ]
    return hierarchy.top_down(priors.standard_normal(dims[-1]), networks, dims)


def _lowest(config: Config, source: Source) -> nn.Module:
    c = config.model
    likelihood = likelihood_of(config)
    activation = activation_of(c)
    shape, bias = likelihood.raw_shape(c, source.x_shape), output_bias(config, source)
    return hierarchy.Lowest(MLP(tuple(c.decoder_hidden), shape, activation, out_bias=bias))


def build_m2(config: Config, source: Source) -> M2:
    """M2 on images: the classifier has the encoder's hidden layers, and is the one part that model.network names."""
    c = config.model
    likelihood = likelihood_of(config)
    networks = lookup(NETWORKS, c.network, "model.network")
    activation = activation_of(c)
    return M2(
        x_shape=source.x_shape,
        num_classes=config.data.num_classes,
        classifier=networks.encoder(c, activation, (config.data.num_classes,)),
        encoder=MLP(tuple(c.encoder_hidden), (2 * c.latent_dim,), activation),
        decoder=MLP(
            tuple(c.decoder_hidden),
            likelihood.raw_shape(c, source.x_shape),
            activation,
            out_bias=output_bias(config, source),
        ),
        prior=lookup(PRIORS, c.prior or "standard", "model.prior")(c, source),
        posterior=posteriors.diagonal_normal(),
        likelihood=build_likelihood(config, source),
    )


def build_m1m2(config: Config, source: Source) -> M1M2:
    """A VAE, and M2 on its latents, whose p(z1|y, z2) is Gaussian."""
    c, num_classes = config.model, config.data.num_classes
    network = functools.partial(MLP, tuple(c.upper_hidden), activation=activation_of(c))
    m2 = M2(
        x_shape=(c.latent_dim,),
        num_classes=num_classes,
        classifier=network(out_shape=(num_classes,)),
        encoder=network(out_shape=(2 * c.upper_dim,)),
        decoder=network(out_shape=(2 * c.latent_dim,)),
        prior=priors.standard_normal(c.upper_dim),
        posterior=posteriors.diagonal_normal(),
        likelihood=posteriors.diagonal_normal(),
    )
    return M1M2(build_vae(config, source), m2)


def build_vqvae(config: Config, source: Source) -> VQVAE:
    """The VQ-VAE of a config, with an autoregressive prior over its codes."""
    c = config.model
    likelihood = likelihood_of(config)
    activation = activation_of(c)
    raw_shape, bias = likelihood.raw_shape(c, source.x_shape), output_bias(config, source)
    return VQVAE(
        x_shape=source.x_shape,
        encoder=GridEncoder(c.patch, tuple(c.encoder_hidden), c.latent_dim, activation),
        decoder=GridDecoder(c.patch, tuple(c.decoder_hidden), raw_shape, activation, out_bias=bias),
        prior=CausalGrid(c.num_codes, c.prior_width or 32, c.prior_depth or 4, activation),
        likelihood=build_likelihood(config, source),
        num_codes=c.num_codes,
        decay=0.99 if c.codebook_decay is None else c.codebook_decay,
    )


def build_deep(config: Config, source: Source) -> TopDown:
    """Maps of latents at each resolution."""
    c = config.model
    likelihood = likelihood_of(config)
    return TopDown(
        x_shape=source.x_shape,
        out_shape=likelihood.raw_shape(c, source.x_shape),
        channels=tuple(c.channels),
        num_blocks=tuple(c.num_blocks),
        latent_dim=c.latent_dim,
        likelihood=build_likelihood(config, source),
        activation=activation_of(c),
        out_bias=output_bias(config, source),
    )


MODELS: dict[str, Callable[[Config, Source], Any]] = {
    "vae": build_vae,
    "conditional": build_conditional,
    "hierarchy": build_hierarchy,
    "ladder": build_ladder,
    "m2": build_m2,
    "m1m2": build_m1m2,
    "vqvae": build_vqvae,
    "deep": build_deep,
}


def build_model(config: Config, source: Source) -> Any:
    """The model of a config: what has init(key) -> params and bind(params) -> Model."""
    model = lookup(MODELS, config.model.kind, "model.kind")(config, source)
    if config.data.missing is not None:
        return PartiallyObserved(model)
    return model if config.data.noise is None else autoencoder.Denoising(model)
