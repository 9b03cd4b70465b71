"""Deep models of images: maps of latents at each resolution, whose posterior goes down the generator's own path."""

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpyro.distributions as dist
from jaxtyping import Array, Float, PRNGKeyArray

from vaex.distributions.chain import Chain, Link, stacked_kls
from vaex.model import Condition, Distribution, Family, Latent, Model, Params, Raw, Weighed
from vaex.models.description import of_one_example
from vaex.models.likelihood_parts import Likelihood
from vaex.models.scales import scale_of
from vaex.networks import Bottleneck, ConditionMaps, ImageHead, Merge, Pyramid, as_channels, halved, scaled


def _normal(params: Params, raw: Raw) -> Distribution:
    mean, log_var = (part.reshape(-1) for part in jnp.split(raw, 2, axis=-1))
    return dist.Normal(mean, scale_of(log_var)).to_event(1)


# N(mean, diag(exp(log_var))) over one vector of a map's latents, where raw = [mean, log_var] at each position.
NORMAL_MAP = Family(init=lambda key: {}, apply=_normal)


class Block(NamedTuple):
    """The networks of one layer of latents, z_l."""

    size: tuple[int, int]  # of its map
    channels: int  # of the path h there
    resolution: int  # of the encoder's features that its posterior sees
    prior: nn.Module  # h -> [mean, log_var]
    posterior: nn.Module  # [h, features] -> [mean, log_var]
    merge: nn.Module  # (h, z_l) -> h


@dataclass(frozen=True)
class TopDown:
    """A deep hierarchy of maps of latents, z_L first and z_1 last, on one path h from a learned start to the image.

    p(z_l|z_>l) = N(prior_l(h_l)),   q(z_l|z_>l, x) = N(posterior_l(h_l, features_l(x))),   h_{l-1} = merge_l(h_l, z_l)

    Each prior starts as N(0, I), and each branch of the path at 1/sqrt(L) of its usual size. There is no normalization.
    Of a condition all of these see features at their resolution, by ConditionMaps.

    Attributes:
        x_shape: the shape of one image, [H, W, C].
        out_shape: the shape of the likelihood's raw parameters, [H, W, ...].
        channels: of the path and of the encoder, at the resolutions H/2, H/4, ...
        num_blocks: layers of latents at each of these, of which L is the sum.
        latent_dim: latents at each position of a map.
        likelihood: what the raw parameters mean.
        activation: the nonlinearity of the branches.
        head_activation: that of the path before the image, or none; noise can shut a relu there for good.
        out_bias: what the raw parameters start from, as a Flax initializer.
        posterior: what the output of each posterior's network means.

    Source: Child 2021, without the deterministic features of its prior's networks; of the condition's encoder, Chira
    et al. 2022, which here is seen by priors, posteriors, path and image alike.
    """

    x_shape: tuple[int, ...]
    out_shape: tuple[int, ...]
    channels: tuple[int, ...]
    num_blocks: tuple[int, ...]
    latent_dim: int
    likelihood: Family | Likelihood
    activation: Callable = nn.relu
    head_activation: Callable | None = None
    out_bias: Callable = nn.initializers.zeros
    posterior: Family = NORMAL_MAP

    @functools.cached_property
    def blocks(self) -> tuple[Block, ...]:
        """The layers in the order in which they are drawn, z_L first."""
        depth, sizes = sum(self.num_blocks), halved(self.x_shape[:2], len(self.channels))[1:]
        order = [i for i in reversed(range(len(self.channels))) for _ in range(self.num_blocks[i])]
        head = functools.partial(Bottleneck, 2 * self.latent_dim, activation=self.activation)
        return tuple(
            Block(
                size=sizes[i],
                channels=self.channels[i],
                resolution=i,
                prior=head(last_init=nn.initializers.zeros),
                posterior=head(last_init=scaled(depth)),
                merge=Merge(depth, None if after == i else (sizes[after], self.channels[after]), self.activation),
            )
            for i, after in zip(order, [*order[1:], order[-1]], strict=True)
        )

    def init(self, key: PRNGKeyArray, condition: Condition = None) -> Params:
        """Parameters drawn from `key`: a dict with one entry for each part."""
        encoder_key, head_key, likelihood_key, key = jax.random.split(key, 4)
        keys = jax.random.split(key, (len(self.blocks), 3))
        apart = jax.random.fold_in(key, keys.size)  # from split's own keys, those of the numbers before it
        params = {} if condition is None else {"condition": self._condition.init(apart, condition)}
        maps = self._maps(params, condition)
        features, encoder = self._pyramid.init_with_output(encoder_key, _seen(jnp.zeros(self.x_shape), condition))
        prior, posterior, merge = [], [], []
        h = start = jnp.zeros((*self.blocks[0].size, self.blocks[0].channels))
        for block, (prior_key, posterior_key, merge_key) in zip(self.blocks, keys, strict=True):
            seen = _with(h, maps[block.resolution])
            prior.append(block.prior.init(prior_key, seen))
            posterior.append(block.posterior.init(posterior_key, _with(seen, features[block.resolution])))
            z = jnp.zeros(block.size[0] * block.size[1] * self.latent_dim)
            h, merged = block.merge.init_with_output(merge_key, h, _beside(z, maps[block.resolution]))
            merge.append(merged)
        head = self._head.init(head_key, _with(h, maps[0]))
        return params | {
            "prior": tuple(prior),
            "encoder": encoder,
            "posterior": tuple(posterior),
            "decoder": {"start": start, "merge": tuple(merge), "head": head},
            "likelihood": self.likelihood.init(likelihood_key),
        }

    def bind(self, params: Params, condition: Condition = None) -> Model:
        """The model that these parameters make, under a condition or without one."""
        path = params["decoder"]
        prior_links = tuple(_link(block.prior, block.merge, NORMAL_MAP) for block in self.blocks)
        posterior_links = tuple(_link(block.posterior, block.merge, self.posterior) for block in self.blocks)
        maps = self._maps(params, condition)
        given_to = tuple(maps[block.resolution] for block in self.blocks)
        prior_params = tuple(zip(params["prior"], path["merge"], given_to, strict=True))
        prior = Chain(prior_links, prior_params, path["start"], True)

        def encode(x: Float[Array, "h w c"]) -> Distribution:
            features = self._pyramid.apply(params["encoder"], _seen(x, condition))
            seen = [features[block.resolution] for block in self.blocks]
            each = tuple(zip(params["posterior"], path["merge"], given_to, seen, strict=True))
            return Chain(posterior_links, each, path["start"], True)

        def given(h: Float[Array, "h w c"]) -> Distribution:
            raw = self._head.apply(path["head"], (self.head_activation or (lambda h: h))(_with(h, maps[0])))
            return self.likelihood.apply(params["likelihood"], raw)

        def decode(z: Latent) -> Distribution:
            h: Raw = path["start"]
            for block, merge, z_l, seen in zip(self.blocks, path["merge"], reversed(z), given_to, strict=True):
                h = block.merge.apply(merge, h, _beside(z_l, seen))
            return given(h)

        def weigh(key: PRNGKeyArray, q: Chain) -> Weighed:
            h, log_p, log_q, pairs = path["start"], jnp.zeros(()), jnp.zeros(()), []
            for i in range(len(self.blocks)):
                ours, theirs = q.links[i].given(q.params[i], h), prior_links[i].given(prior.params[i], h)
                z_l = ours.sample(jax.random.fold_in(key, i))
                log_q, log_p = log_q + ours.log_prob(z_l), log_p + theirs.log_prob(z_l)
                h = prior_links[i].then(prior.params[i], h, z_l)
                pairs.append((ours, theirs))
            return Weighed(given(h), log_p, log_q, stacked_kls(*zip(*reversed(pairs), strict=True)))

        return of_one_example(Model(prior=prior, encode=encode, decode=decode, weigh=weigh), self.x_shape)

    def _maps(self, params: Params, condition: Condition) -> tuple[Array | None, ...]:
        """What is seen of the condition at the resolutions H/2, H/4, ...: None without one."""
        if condition is None:
            return (None,) * len(self.channels)
        maps: Raw = self._condition.apply(params["condition"], condition)
        return maps

    @property
    def _condition(self) -> nn.Module:
        return ConditionMaps(self.x_shape[:2], self.channels, self.num_blocks, self.activation)

    @property
    def _pyramid(self) -> nn.Module:
        return Pyramid(self.channels, self.num_blocks, self.activation)

    @property
    def _head(self) -> nn.Module:
        return ImageHead(self.out_shape, self.out_bias)


def _link(network: nn.Module, merge: nn.Module, family: Family) -> Link:
    """One layer given the path h and all else that its network sees, and the path below it."""
    return Link(
        lambda params, h: family.apply({}, network.apply(params[0], functools.reduce(_with, params[2:], h))),
        lambda params, h, z: merge.apply(params[1], h, _beside(z, params[2])),
    )


def _seen(x: Float[Array, "h w c"], condition: Condition) -> Float[Array, "h w c_and_more"]:
    return x if condition is None else as_channels(x, condition)


def _with(h: Float[Array, "h w c"], features: Float[Array, "h w d"] | None) -> Float[Array, "h w c_and_d"]:
    return h if features is None else jnp.concatenate([h, features], axis=-1)


def _beside(z: Float[Array, " hwd"], features: Float[Array, "h w d"] | None) -> Float[Array, " hwd_and_more"]:
    """A layer's latents, with the condition's features at each position of its map where there is one."""
    if features is None:
        return z
    return _with(z.reshape(*features.shape[:2], -1), features).reshape(-1)
