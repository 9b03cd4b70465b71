"""The VQ-VAE: latents are the codes nearest to the encoder's vectors, codes moving averages, their prior learned."""

import math
from dataclasses import dataclass
from typing import Annotated

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, PRNGKeyArray

from vaex.choices import Build
from vaex.distributions.codes import CodePrior, Quantized
from vaex.errors import OptionError, check_whole
from vaex.model import Distribution, Family, Model, Params, Raw
from vaex.models import likelihoods
from vaex.models.codebook import Codebook, update_codebook
from vaex.models.description import Description, Kind, Source, of_one_example, refuse, structure_of
from vaex.models.likelihood_parts import Likelihood, build_likelihood, output_bias
from vaex.models.likelihoods import LIKELIHOODS
from vaex.models.structure import Factor, recognition
from vaex.networks import ACTIVATIONS
from vaex.networks.grid import CausalGrid, GridDecoder, GridEncoder, grid_shape
from vaex.networks.pairs import Widths


@dataclass(frozen=True)
class VQVAE:
    """A VQ-VAE with an autoregressive prior over its codes, a Model like any other: z is the codes, [T, d].

    log p(x) >= log p(x|z) + log p(z),   z the codes nearest to the encoder's vectors, T = H W of its grid

    Attributes:
        x_shape: the shape of one example.
        encoder: x -> vectors [H, W, d].
        decoder: codes [H, W, d] -> the raw parameters of p(x|z).
        prior: indices [H, W] -> logits [H, W, K], each from the indices before it in raster order alone.
        likelihood: what the decoder's raw output means.
        num_codes: K.
        decay: of the codebook's moving averages.
    """

    x_shape: tuple[int, ...]
    encoder: nn.Module
    decoder: nn.Module
    prior: nn.Module
    likelihood: Family | Likelihood
    num_codes: int
    decay: float = 0.99

    def init(self, key: PRNGKeyArray) -> Params:
        """Parameters drawn from `key`; the codebook starts from the first batch's vectors."""
        keys = jax.random.split(key, 5)
        vectors, encoder = self.encoder.init_with_output(keys[0], jnp.zeros(self.x_shape))
        codes = jax.random.normal(keys[1], (self.num_codes, vectors.shape[-1]))
        return {
            "encoder": encoder,
            "codebook": Codebook(codes, jnp.zeros(self.num_codes)),
            "decoder": self.decoder.init(keys[2], vectors),
            "prior": self.prior.init(keys[3], jnp.zeros(vectors.shape[:-1], jnp.int32)),
            "likelihood": self.likelihood.init(keys[4]),
        }

    def bind(self, params: Params) -> Model:
        """The model that these parameters make; no gradient reaches its codebook."""
        codes = jax.lax.stop_gradient(jnp.asarray(params["codebook"].codes))  # restored parameters are numpy's
        grid = self._grid(params)

        def decode(z: Float[Array, "t d"]) -> Distribution:
            raw = self.decoder.apply(params["decoder"], z.reshape(*grid, -1))
            return self.likelihood.apply(params["likelihood"], raw)

        def logits(indices: Int[Array, " t"]) -> Float[Array, "t k"]:
            found: Raw = self.prior.apply(params["prior"], indices.reshape(grid))
            return found.reshape(-1, self.num_codes)

        def encode(x: Float[Array, "..."]) -> Quantized:
            return Quantized(self._vectors(params, x), codes)

        prior = CodePrior(logits, codes, math.prod(grid))
        return of_one_example(Model(prior=prior, encode=encode, decode=decode), self.x_shape)

    def statistics(self, key: PRNGKeyArray, params: Params, batch: Float[Array, "m ..."]) -> dict[str, Codebook]:
        """The parameters that no gradient moves, after a batch."""
        vectors = jax.vmap(lambda x: self._vectors(params, x))(batch)
        vectors = vectors.reshape(-1, vectors.shape[-1])
        return {"codebook": update_codebook(key, params["codebook"], vectors, decay=self.decay)}

    def _vectors(self, params: Params, x: Float[Array, "..."]) -> Float[Array, "t d"]:
        vectors: Raw = self.encoder.apply(params["encoder"], x)
        return vectors.reshape(-1, vectors.shape[-1])

    def _grid(self, params: Params) -> tuple[int, ...]:
        """[H, W], from shapes alone."""
        x = jax.ShapeDtypeStruct(self.x_shape, jnp.float32)
        return jax.eval_shape(lambda x: self.encoder.apply(params["encoder"], x), x).shape[:-1]


def vqvae(
    source: Source,
    *,
    num_codes: int = 64,
    patch: int = 4,
    latent_dim: int = 20,
    encoder_hidden: Widths = (500,),
    decoder_hidden: Widths = (500,),
    activation: Annotated[str, ACTIVATIONS] = "relu",
    codebook_decay: float = 0.99,
    prior_width: int = 32,
    prior_depth: int = 4,
    likelihood: Annotated[Build, LIKELIHOODS] = likelihoods.bernoulli,
) -> Description:
    """A grid of codes, each the nearest in a learned codebook, with an autoregressive prior.

    Args:
        source: what it is built for.
        num_codes: how many codes there are to choose from.
        patch: the side, in pixels, of what each place of the grid stands for.
        latent_dim: numbers in a code.
        encoder_hidden: the channels of 3x3 convolutions over the grid, from the image to the codes.
        decoder_hidden: and back.
        activation: the nonlinearity, a name in ACTIVATIONS.
        codebook_decay: of the codebook's moving averages, at each batch.
        prior_width: channels of the causal prior.
        prior_depth: layers of the causal prior.
        likelihood: p(x|z).
    """
    refuse(
        "vqvae", source, condition="whose codes have a prior of their own", rows="whose codes are of an image's places"
    )
    check_whole(num_codes=num_codes, patch=patch, latent_dim=latent_dim)
    check_whole(prior_width=prior_width, prior_depth=prior_depth)
    check_whole(encoder_hidden=encoder_hidden, decoder_hidden=decoder_hidden)
    if not 0 <= codebook_decay < 1:
        raise OptionError("codebook_decay", codebook_decay, "0 or more, and less than 1")
    act, p_x = ACTIVATIONS[activation], build_likelihood(likelihood, source)
    raw_shape = p_x.raw_shape(source.x_shape)
    found = VQVAE(
        x_shape=source.x_shape,
        encoder=GridEncoder(patch, encoder_hidden, latent_dim, act),
        decoder=GridDecoder(patch, decoder_hidden, raw_shape, act, out_bias=output_bias(p_x, source)),
        prior=CausalGrid(num_codes, prior_width, prior_depth, act),
        likelihood=p_x,
        num_codes=num_codes,
        decay=codebook_decay,
    )
    return Description(
        found.init,
        found.bind,
        recognition=(("encoder",), ("codebook",)),
        statistics=found.statistics,
        reports=("scores", "codebook"),
        structure=structure_of(
            source,
            {"z": (*grid_shape(source.x_shape, patch), latent_dim)},
            Factor("z", (), ("causal grid",), ("prior",)),
            Factor("x", ("z",), ("grid", LIKELIHOODS.name_of(likelihood)), ("decoder", "likelihood")),
            recognition("z", ("x",), ("grid", "nearest code"), ("encoder", "codebook")),
        ),
    )


KIND = Kind(vqvae, objectives=("vq",))
