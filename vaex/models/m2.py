"""Latents with a label: distributions over (y, z), and M2, the semi-supervised model that has them."""

from dataclasses import dataclass
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from vaex.distributions import OneHotCategorical
from vaex.distributions.labelled import Labelled, LabelledLatent
from vaex.model import Distribution, Family, Model, Params


@dataclass(frozen=True)
class M2:
    """The static description of the semi-supervised model M2, whose latents are a label and a style.

    p(x, y, z) = p(y) p(z) p(x|y, z),   q(y, z|x) = q(y|x) q(z|x, y),   p(y) uniform

    Its Model is an ordinary one, of images without labels; `encode(x).label` is the classifier q(y|x).

    Attributes:
        x_shape: the shape of one example.
        num_classes: of y.
        classifier: x -> the logits of q(y|x).
        encoder: (x, y) -> the raw parameters of q(z|x, y).
        decoder: (z, y) -> the raw parameters of p(x|y, z).
        prior, posterior, likelihood: what the raw parameters mean; prior is that of z.

    Source: Kingma, Rezende, Mohamed and Welling 2014, section 2, the generative semi-supervised model.
    """

    x_shape: tuple[int, ...]
    num_classes: int
    classifier: nn.Module
    encoder: nn.Module
    decoder: nn.Module
    prior: Family
    posterior: Family
    likelihood: Family

    def init(self, key: PRNGKeyArray) -> Params:
        """Parameters drawn from `key`: a dict with one entry for each part."""
        keys = jax.random.split(key, 7)
        x, y = jnp.zeros(self.x_shape), jnp.zeros(self.num_classes)
        raw, encoder = self.encoder.init_with_output(keys[1], x, y)
        z = self.posterior.apply(posterior := self.posterior.init(keys[2]), raw).sample(keys[0])
        return {
            "prior": self.prior.init(keys[3]),
            "classifier": self.classifier.init(keys[4], x),
            "encoder": encoder,
            "posterior": posterior,
            "decoder": self.decoder.init(keys[5], z, y),
            "likelihood": self.likelihood.init(keys[6]),
        }

    def bind(self, params: Params) -> Model:
        """The model that these parameters make, its latents LabelledLatent."""
        classes = jnp.eye(self.num_classes)

        def encode(x: Float[Array, "..."]) -> Labelled:
            def given(y: Float[Array, " classes"]) -> Distribution:
                return self.posterior.apply(params["posterior"], self.encoder.apply(params["encoder"], x, y))

            logits: Any = self.classifier.apply(params["classifier"], x)
            return Labelled(OneHotCategorical(logits), jax.vmap(given)(classes))

        def decode(latent: LabelledLatent) -> Distribution:
            raw = self.decoder.apply(params["decoder"], latent.z, latent.y)
            return self.likelihood.apply(params["likelihood"], raw)

        p_z = self.prior.apply(params["prior"], encode)
        prior = Labelled(OneHotCategorical(jnp.zeros(self.num_classes)), jax.vmap(lambda y: p_z)(classes))
        return Model(prior=prior, encode=encode, decode=decode)
