"""Hierarchies of stochastic layers: a prior that goes top down, and a posterior that goes bottom up."""

from collections.abc import Callable, Sequence
from typing import Annotated, Any

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key, PRNGKeyArray

from vaex.choices import Build
from vaex.distributions.chain import Chain, Link
from vaex.errors import OptionError, UsageError, check_whole, is_whole_number
from vaex.model import Condition, Distribution, Encode, Family, Latent, Params, Raw
from vaex.models import likelihoods
from vaex.models.description import Description, Kind, Source, describe
from vaex.models.layers import bottom_up_graph
from vaex.models.likelihood_parts import Likelihood, build_likelihood, output_bias
from vaex.models.likelihoods import LIKELIHOODS
from vaex.models.posteriors import diagonal_normal
from vaex.models.priors import learned_prior, standard_normal
from vaex.models.vae import VAE
from vaex.networks import ACTIVATIONS, MLP, as_vector
from vaex.networks.pairs import Widths


def top_down(top: Family, networks: Sequence[nn.Module], dims: Sequence[int], condition: Condition = None) -> Family:
    """The prior p(z) = p(z_L) p(z_{L-1}|z_L) ... p(z_1|z_2), each conditional a diagonal normal.

    Its apply is (params, encode), or given a condition (params, encode, condition), which then every conditional sees.

    Args:
        top: p(z_L), or p(z_L|c).
        networks: z_{l+1}, or as_vector(z_{l+1}, c) -> [mean, log_var] of z_l, for l = 1 to L - 1.
        dims: the sizes of z_1 to z_L.
        condition: one of the right shape, None where there is none.

    Raises:
        UsageError: a size below 1, or networks that do not go between the layers.

    Source: Burda, Grosse and Salakhutdinov 2015, section 2.
    """
    check_layers(networks, dims)
    downward = tuple(networks)[::-1]
    links = (Link(lambda params, state: state), *map(_normal_link, downward))

    def init(key: PRNGKeyArray) -> Params:
        keys = jax.random.split(key, len(links))
        return top.init(keys[0]), *_init(keys[1:], downward, dims[:0:-1], condition)

    def apply(params: Params, encode: Encode, *given: Condition) -> Distribution:
        conditionals = tuple((layer, given) for layer in params[1:])
        return Chain(links, ({}, *conditionals), state=top.apply(params[0], encode, *given), top_down=True)

    return Family(init, apply)


def bottom_up(networks: Sequence[nn.Module], dims: Sequence[int]) -> Family:
    """The posterior q(z|x) = q(z_1|x) q(z_2|z_1) ... q(z_L|z_{L-1}), each a diagonal normal; raw is z_1's.

    Args:
        networks: z_l -> [mean, log_var] of z_{l+1}, for l = 1 to L - 1.
        dims: the sizes of z_1 to z_L.

    Raises:
        UsageError: a size below 1, or networks that do not go between the layers.

    Source: Burda, Grosse and Salakhutdinov 2015, section 2.
    """
    check_layers(networks, dims)
    links = (Link(lambda params, raw: normal(raw)), *map(_normal_link, networks))

    def init(key: PRNGKeyArray) -> Params:
        return {}, *_init(jax.random.split(key, len(links))[1:], networks, dims[:-1], None)

    def apply(params: Params, raw: Float[Array, " two_d"]) -> Any:
        return Chain(links, ({}, *((layer, ()) for layer in params[1:])), state=raw, top_down=False)

    return Family(init, apply)


class Lowest(nn.Module):
    """A decoder of the lowest layer alone: p(x|z) = p(x|z_1)."""

    network: nn.Module

    def __call__(self, z: tuple[Latent, ...]) -> Float[Array, "..."]:
        return self.network(z[0])


def hierarchy(
    source: Source,
    *,
    latent_dims: tuple[int, ...] = (100, 50),
    between_hidden: tuple[Any, ...] = ((100, 100),),  # of Widths, which is checked where a flag may have it wrong
    encoder_hidden: Widths = (500,),
    decoder_hidden: Widths = (500,),
    activation: Annotated[str, ACTIVATIONS] = "elu",
    likelihood: Annotated[Build, LIKELIHOODS] = likelihoods.bernoulli,
) -> Description:
    """Stochastic layers z_1 to z_L, z_1 nearest to x, with a posterior that goes bottom up.

    Args:
        source: what it is built for; a condition is seen by the encoder of z_1 and by every network of the generator.
        latent_dims: the sizes of z_1 to z_L.
        between_hidden: the hidden widths between z_l and z_{l+1}, one tuple for each l.
        encoder_hidden: between x and z_1.
        decoder_hidden: between z_1 and x.
        activation: the nonlinearity, a name in ACTIVATIONS.
        likelihood: p(x|z_1).
    """
    check_between(latent_dims, between_hidden)
    check_whole(encoder_hidden=encoder_hidden, decoder_hidden=decoder_hidden)
    act, p_x = ACTIVATIONS[activation], build_likelihood(likelihood, source)
    networks = [MLP(hidden, (2 * up,), act) for hidden, up in zip(between_hidden, latent_dims[1:], strict=True)]
    found = VAE(
        x_shape=source.x_shape,
        encoder=MLP(encoder_hidden, (2 * latent_dims[0],), act),
        decoder=lowest(decoder_hidden, p_x, source, act),
        prior=layered_prior(latent_dims, between_hidden, encoder_hidden, source, act),
        posterior=bottom_up(networks, latent_dims),
        likelihood=p_x,
        join_latent=with_lowest,
    )
    return describe(found, source, structure=bottom_up_graph(source, latent_dims, likelihood))


def layered_prior(
    dims: Widths, between: tuple[Widths, ...], hidden: Widths, source: Source, activation: Callable
) -> Family:
    """The prior of a hierarchy, of which given a condition the topmost part is a network's p(z_L|c)."""
    networks = [MLP(widths[::-1], (2 * down,), activation) for widths, down in zip(between, dims[:-1], strict=True)]
    if source.condition_shape is None:
        return top_down(standard_normal(dims[-1]), networks, dims)
    network = MLP(hidden, (2 * dims[-1],), activation)
    top = learned_prior(network, diagonal_normal(), source.condition_shape)
    return top_down(top, networks, dims, jnp.zeros(source.condition_shape))


def lowest(hidden: Widths, likelihood: Likelihood, source: Source, activation: Callable) -> Lowest:
    """The decoder of z_1."""
    shape = likelihood.raw_shape(source.x_shape)
    return Lowest(MLP(hidden, shape, activation, out_bias=output_bias(likelihood, source)))


def with_lowest(z: tuple[Latent, ...], condition: Condition) -> tuple[Array]:
    """What `lowest` sees of z and of a condition."""
    return (as_vector(z[0], condition),)


def check_between(latent_dims: Widths, between_hidden: tuple[Any, ...]) -> None:
    """The widths fit between the layers.

    Raises:
        OptionError: they do not.
    """
    check_whole(latent_dims=latent_dims)
    if not latent_dims:
        raise OptionError("latent_dims", latent_dims, "the size of each layer, such as (100, 50)")
    tuples = [widths for widths in between_hidden if isinstance(widths, tuple)]
    if len(tuples) != len(between_hidden) or len(tuples) != len(latent_dims) - 1:
        expected = f"{len(latent_dims) - 1} tuples of widths, one between each two layers of latent_dims"
        raise OptionError("between_hidden", between_hidden, f"{expected}, as ((100, 100),)")
    if not all(is_whole_number(n) for widths in tuples for n in widths):
        raise OptionError("between_hidden", between_hidden, "whole numbers of at least 1")


def normal(raw: Float[Array, " two_d"]) -> Any:
    """N(mean, diag(exp(log_var))) of raw = [mean, log_var]."""
    return diagonal_normal().apply({}, raw)


def check_layers(networks: Sequence[nn.Module], dims: Sequence[int]) -> None:
    """As many networks as there are gaps between layers.

    Raises:
        UsageError: more or fewer, or a size below 1.
    """
    if not dims or min(dims) < 1:
        raise UsageError(f"dims is {tuple(dims)}: expected the size of each layer, 1 or more")
    if len(networks) != len(dims) - 1:
        raise UsageError(f"found {len(networks)} networks: expected {len(dims) - 1}, one between each two layers")


def _normal_link(network: nn.Module) -> Link:
    def given(params: Params, z: Latent) -> Distribution:
        layer, condition = params
        raw: Raw = network.apply(layer, as_vector(z, *condition) if condition else z)
        return normal(raw)

    return Link(given)


def _init(keys: Key[Array, " n"], nets: Sequence[nn.Module], dims: Sequence[int], condition: Condition) -> list[Params]:
    seen = [jnp.zeros(dim) if condition is None else as_vector(jnp.zeros(dim), condition) for dim in dims]
    return [network.init(key, z) for key, network, z in zip(keys, nets, seen, strict=True)]


KIND = Kind(hierarchy)
