"""Hierarchies of stochastic layers: chained priors and posteriors, and the ladder, whose q goes down with its p."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpyro.distributions as dist
from jaxtyping import Array, Float, Key, PRNGKeyArray

from vaex.distributions.chain import Chain, Link
from vaex.errors import UsageError
from vaex.model import Distribution, Encode, Family, Latent, Model, Params
from vaex.models.posteriors import diagonal_normal


def top_down(top: Family, networks: Sequence[nn.Module], dims: Sequence[int]) -> Family:
    """The prior p(z) = p(z_L) p(z_{L-1}|z_L) ... p(z_1|z_2), each conditional a diagonal normal.

    Args:
        top: p(z_L).
        networks: z_{l+1} -> [mean, log_var] of z_l, for l = 1 to L - 1.
        dims: the sizes of z_1 to z_L.

    Raises:
        UsageError: a size below 1, or networks that do not go between the layers.

    Source: Burda, Grosse and Salakhutdinov 2015, section 2.
    """
    _check_layers(networks, dims)
    downward = tuple(networks)[::-1]
    links = (Link(lambda params, state: state), *map(_normal_link, downward))

    def init(key: PRNGKeyArray) -> Params:
        keys = jax.random.split(key, len(links))
        return top.init(keys[0]), *_init(keys[1:], downward, dims[:0:-1])

    def apply(params: Params, encode: Encode) -> Distribution:
        return Chain(links, ({}, *params[1:]), state=top.apply(params[0], encode), top_down=True)

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
    _check_layers(networks, dims)
    links = (Link(lambda params, raw: _normal(raw)), *map(_normal_link, networks))

    def init(key: PRNGKeyArray) -> Params:
        return {}, *_init(jax.random.split(key, len(links))[1:], networks, dims[:-1])

    return Family(init, lambda params, raw: Chain(links, params, state=raw, top_down=False))


def precision_weighted(a: Distribution, b: Distribution) -> Distribution:
    """The normalized product of two diagonal normals.

    var = 1 / (1 / var_a + 1 / var_b),   mean = var (mean_a / var_a + mean_b / var_b)

    Source: Sonderby et al. 2016, the precision-weighted combination of the ladder VAE.
    """
    one, other = (normal.base_dist for normal in (a, b))  # pyright: ignore[reportAttributeAccessIssue]
    share = jax.nn.sigmoid(2 * (jnp.log(other.scale) - jnp.log(one.scale)))  # of a's precision in the sum of both
    # From the sum of the precisions, since a share that underflows would make a scale of zero.
    scale = jnp.exp(-0.5 * jnp.logaddexp(-2 * jnp.log(one.scale), -2 * jnp.log(other.scale)))
    return dist.Normal(share * one.loc + (1 - share) * other.loc, scale).to_event(1)


class Lowest(nn.Module):
    """A decoder of the lowest layer alone: p(x|z) = p(x|z_1)."""

    network: nn.Module

    def __call__(self, z: tuple[Any, ...]) -> Float[Array, "..."]:
        return self.network(z[0])


class Messages(nn.Module):
    """The ladder's deterministic way up: h_l = layers of h_{l-1}, of which an affine map makes the raw of z_l.

    Attributes:
        hidden: the widths of the layers from x to h_1, from h_1 to h_2, ...
        dims: the sizes of z_1 to z_L.
        activation: the nonlinearity of every layer.
    """

    hidden: tuple[tuple[int, ...], ...]
    dims: tuple[int, ...]
    activation: Callable = nn.relu

    @nn.compact
    def __call__(self, x: Float[Array, "..."]) -> tuple[Float[Array, " two_d"], ...]:
        glorot = nn.initializers.glorot_uniform()
        raws, h = [], x.reshape(-1)
        for widths, dim in zip(self.hidden, self.dims, strict=True):
            for width in widths:
                h = self.activation(nn.Dense(width, kernel_init=glorot)(h))
            raws.append(nn.Dense(2 * dim, kernel_init=glorot)(h))
        return tuple(raws)


@dataclass(frozen=True)
class Ladder:
    """A hierarchy whose posterior goes down the generator's own path and corrects it by what x says.

    q(z_L|x) = N(raw_L),   q(z_l|z_{l+1}, x) = normalized N(raw_l) p(z_l|z_{l+1}),   raw = encoder(x)

    Attributes:
        x_shape: the shape of one example.
        encoder: x -> the raw [mean, log_var] of z_1 to z_L.
        decoder: z -> the raw parameters of p(x|z).
        prior: a family of chains that go top down, such as top_down's.
        likelihood: what the decoder's raw parameters mean.

    Source: Sonderby, Raiko, Maaloe, Sonderby and Winther 2016.
    """

    x_shape: tuple[int, ...]
    encoder: nn.Module
    decoder: nn.Module
    prior: Family
    likelihood: Family

    def init(self, key: PRNGKeyArray) -> Params:
        """Parameters drawn from `key`: a dict with one entry for each part."""
        keys = jax.random.split(key, 4)
        raws, encoder = self.encoder.init_with_output(keys[0], jnp.zeros(self.x_shape))
        z = tuple(_normal(raw).mean for raw in raws)
        return {
            "prior": self.prior.init(keys[1]),
            "encoder": encoder,
            "decoder": self.decoder.init(keys[2], z),
            "likelihood": self.likelihood.init(keys[3]),
        }

    def bind(self, params: Params) -> Model:
        """The model that these parameters make."""

        def encode(x: Float[Array, "..."]) -> Distribution:
            raws: Any = self.encoder.apply(params["encoder"], x)
            return follow(prior, raws)

        def decode(z: Latent) -> Distribution:
            return self.likelihood.apply(params["likelihood"], self.decoder.apply(params["decoder"], z))

        prior: Any = self.prior.apply(params["prior"], encode)
        return Model(prior=prior, encode=encode, decode=decode)


def follow(prior: Chain, raws: Sequence[Float[Array, " _"]]) -> Chain:
    """The ladder's posterior: the prior's chain, each conditional but the topmost merged with the l-th raw's normal."""

    def merged(link: Link) -> Link:
        def given(params: Params, state: Any) -> Distribution:
            path, raw = params
            return precision_weighted(_normal(raw), link.given(path, state))

        return Link(given, lambda params, state, z: link.then(params[0], state, z))

    first, *rest = prior.links
    top = Link(lambda params, state: _normal(params[1]), lambda params, state, z: first.then(params[0], state, z))
    params = tuple(zip(prior.params, reversed(raws), strict=True))
    return Chain((top, *map(merged, rest)), params, prior.state, top_down=True)


def _normal(raw: Float[Array, " two_d"]) -> Any:
    return diagonal_normal().apply({}, raw)


def _normal_link(network: nn.Module) -> Link:
    return Link(lambda params, z: _normal(network.apply(params, z)))  # pyright: ignore[reportArgumentType]


def _check_layers(networks: Sequence[nn.Module], dims: Sequence[int]) -> None:
    if not dims or min(dims) < 1:
        raise UsageError(f"dims is {tuple(dims)}: expected the size of each layer, 1 or more")
    if len(networks) != len(dims) - 1:
        raise UsageError(
            f"found {len(networks)} networks for {len(dims)} layers: expected {len(dims) - 1}, one between each two"
        )


def _init(keys: Key[Array, " n"], networks: Sequence[nn.Module], dims: Sequence[int]) -> list[Params]:
    return [network.init(key, jnp.zeros(dim)) for key, network, dim in zip(keys, networks, dims, strict=True)]
