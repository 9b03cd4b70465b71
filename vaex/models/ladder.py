"""The ladder: a hierarchy whose posterior goes down the generator's own path."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpyro.distributions as dist
from jaxtyping import Array, Float, PRNGKeyArray

from vaex.choices import Build
from vaex.distributions.chain import Chain, Link
from vaex.errors import check_whole
from vaex.model import Condition, Distribution, Example, Family, Latent, Model, Params, Raw
from vaex.models import likelihoods
from vaex.models.description import Description, Kind, Source, describe, of_one_example
from vaex.models.hierarchy import check_between, layered_prior, lowest, normal, with_lowest
from vaex.models.layers import ladder_graph
from vaex.models.likelihood_parts import Likelihood, build_likelihood
from vaex.models.likelihoods import LIKELIHOODS
from vaex.networks import ACTIVATIONS, as_vector
from vaex.networks.mlp import GLOROT
from vaex.networks.pairs import Widths


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
        raws, h = [], x.reshape(-1)
        for widths, dim in zip(self.hidden, self.dims, strict=True):
            for width in widths:
                h = self.activation(nn.Dense(width, kernel_init=GLOROT)(h))
            raws.append(nn.Dense(2 * dim, kernel_init=GLOROT)(h))
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
    likelihood: Family | Likelihood

    def init(self, key: PRNGKeyArray, condition: Condition = None) -> Params:
        """Parameters drawn from `key`: a dict with one entry for each part."""
        keys = jax.random.split(key, 4)
        raws, encoder = self.encoder.init_with_output(keys[0], self._seen(jnp.zeros(self.x_shape), condition))
        z = tuple(normal(raw).mean for raw in raws)
        return {
            "prior": self.prior.init(keys[1]),
            "encoder": encoder,
            "decoder": self.decoder.init(keys[2], z if condition is None else with_lowest(z, condition)),
            "likelihood": self.likelihood.init(keys[3]),
        }

    def bind(self, params: Params, condition: Condition = None) -> Model:
        """The model that these parameters make, under a condition or without one."""

        def encode(x: Float[Array, "..."]) -> Distribution:
            raws: Raw = self.encoder.apply(params["encoder"], self._seen(x, condition))
            return follow(prior, raws)

        def decode(z: Latent) -> Distribution:
            seen = z if condition is None else with_lowest(z, condition)
            return self.likelihood.apply(params["likelihood"], self.decoder.apply(params["decoder"], seen))

        given = () if condition is None else (condition,)
        prior: Any = self.prior.apply(params["prior"], encode, *given)
        return of_one_example(Model(prior=prior, encode=encode, decode=decode), self.x_shape)

    def _seen(self, x: Example, condition: Condition) -> Example:
        return x if condition is None else as_vector(x, condition)


def follow(prior: Chain, raws: Sequence[Float[Array, " _"]]) -> Chain:
    """The ladder's posterior: the prior's chain, each conditional but the topmost merged with the l-th raw's normal."""

    def merged(link: Link) -> Link:
        def given(params: Params, state: Latent) -> Distribution:
            path, raw = params
            return precision_weighted(normal(raw), link.given(path, state))

        return Link(given, lambda params, state, z: link.then(params[0], state, z))

    first, *rest = prior.links
    top = Link(lambda params, state: normal(params[1]), lambda params, state, z: first.then(params[0], state, z))
    params = tuple(zip(prior.params, reversed(raws), strict=True))
    return Chain((top, *map(merged, rest)), params, prior.state, top_down=True)


def ladder(
    source: Source,
    *,
    latent_dims: tuple[int, ...] = (100, 50),
    between_hidden: tuple[Any, ...] = ((100, 100),),  # of Widths, which is checked where a flag may have it wrong
    encoder_hidden: Widths = (500,),
    decoder_hidden: Widths = (500,),
    activation: Annotated[str, ACTIVATIONS] = "elu",
    likelihood: Annotated[Build, LIKELIHOODS] = likelihoods.bernoulli,
) -> Description:
    """The generator of a hierarchy with the ladder's posterior.

    Args:
        source: what it is built for; a condition is seen by the encoder and by every network of the generator.
        latent_dims: the sizes of z_1 to z_L, z_1 nearest to x.
        between_hidden: the hidden widths between z_l and z_{l+1}, one tuple for each l.
        encoder_hidden: between x and z_1.
        decoder_hidden: between z_1 and x.
        activation: the nonlinearity, a name in ACTIVATIONS.
        likelihood: p(x|z_1).
    """
    check_between(latent_dims, between_hidden)
    check_whole(encoder_hidden=encoder_hidden, decoder_hidden=decoder_hidden)
    act, p_x = ACTIVATIONS[activation], build_likelihood(likelihood, source)
    found = Ladder(
        x_shape=source.x_shape,
        encoder=Messages((encoder_hidden, *between_hidden), latent_dims, act),
        decoder=lowest(decoder_hidden, p_x, source, act),
        prior=layered_prior(latent_dims, between_hidden, encoder_hidden, source, act),
        likelihood=p_x,
    )
    graph = ladder_graph(source, latent_dims, likelihood, (encoder_hidden, *between_hidden))
    return describe(found, source, recognition=(("encoder",),), structure=graph)


KIND = Kind(ladder)
