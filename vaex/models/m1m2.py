"""One model on the latents of another: M1+M2."""

from dataclasses import dataclass

import jax
from jax.tree_util import Partial
from jaxtyping import PRNGKeyArray

from vaex.distributions.stacked import Generated, StackedLatent, StackedPosterior
from vaex.model import Distribution, Model, Params
from vaex.models.m2 import M2
from vaex.models.vae import VAE


@dataclass(frozen=True)
class M1M2:
    """The static description of M1+M2: M1 is a VAE, and M2 models its latents instead of images.

    p(x, y, z1, z2) = p(y) p(z2) p(z1|y, z2) p(x|z1),   q(y, z1, z2|x) = q(z1|x) q(y|z1) q(z2|z1, y)

    Attributes:
        m1: the VAE of x. Its own prior of z1 serves the training of M1, and is not part of the joint model.
        m2: the M2 of z1.

    Source: Kingma, Rezende, Mohamed and Welling 2014, section 2, stacked generative semi-supervised model.
    """

    m1: VAE
    m2: M2

    def init(self, key: PRNGKeyArray) -> Params:
        """Parameters drawn from `key`: those of M1 and those of M2."""
        m1_key, m2_key = jax.random.split(key)
        return {"m1": self.m1.init(m1_key), "m2": self.m2.init(m2_key)}

    def bind(self, params: Params) -> Model:
        """The model that these parameters make, its latents StackedLatent(z1, LabelledLatent(y, z2))."""
        m1 = self.m1.bind(params["m1"])
        above = Partial(lambda params, z1: self.m2.bind(params).encode(z1), params["m2"])

        def decode(latent: StackedLatent) -> Distribution:
            return m1.decode(latent.below)

        return Model(
            prior=Generated(self.m2.bind(params["m2"])),
            encode=lambda x: StackedPosterior(m1.encode(x), above),
            decode=decode,
        )
