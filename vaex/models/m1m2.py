"""One model on the latents of another: M1+M2."""

import functools
from dataclasses import dataclass
from typing import Annotated

import jax
from jax.tree_util import Partial
from jaxtyping import PRNGKeyArray

from vaex.choices import Build
from vaex.distributions.stacked import Generated, StackedLatent, StackedPosterior
from vaex.errors import check_whole
from vaex.model import Distribution, Model, Params
from vaex.models import likelihoods
from vaex.models.description import USUAL_METRICS, Description, Kind, Source, refuse, structure_of
from vaex.models.likelihood_parts import build_likelihood, output_bias
from vaex.models.likelihoods import LIKELIHOODS
from vaex.models.m2 import M2, check_labels
from vaex.models.posterior_table import diagonal
from vaex.models.posteriors import diagonal_normal
from vaex.models.prior_table import standard
from vaex.models.structure import Factor, recognition
from vaex.models.vae import VAE
from vaex.networks import ACTIVATIONS, MLP, NETWORKS
from vaex.networks.pairs import Widths, mlp


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


def m1m2(
    source: Source,
    *,
    upper_dim: int = 20,
    upper_hidden: Widths = (500,),
    latent_dim: int = 20,
    sigma: float = 1.0,
    network: Annotated[Build, NETWORKS] = mlp,
    activation: Annotated[str, ACTIVATIONS] = "relu",
    likelihood: Annotated[Build, LIKELIHOODS] = likelihoods.bernoulli,
) -> Description:
    """A VAE of images, and M2 on its latents, whose p(z1|y, z2) is Gaussian.

    Args:
        source: what it is built for.
        upper_dim: latents z2 of M2, beside the label.
        upper_hidden: the hidden widths of M2's networks.
        latent_dim: latents z1 of M1.
        sigma: the standard deviation of q(z1|x) when training starts, as of diagonal.
        network: of M1.
        activation: of M2's networks, a name in ACTIVATIONS.
        likelihood: p(x|z1).
    """
    refuse("m1m2", source, condition="whose label is a latent already")
    check_labels("m1m2", source)
    check_whole(upper_dim=upper_dim, upper_hidden=upper_hidden, latent_dim=latent_dim)
    net = NETWORKS.name_of(network)
    networks, q, p_x = network(), diagonal(latent_dim, sigma=sigma), build_likelihood(likelihood, source)
    upper = functools.partial(MLP, upper_hidden, activation=ACTIVATIONS[activation])
    m1 = VAE(
        x_shape=source.x_shape,
        encoder=networks.encoder(q.raw_shape),
        decoder=networks.decoder(p_x.raw_shape(source.x_shape), output_bias(p_x, source)),
        prior=standard(latent_dim),
        posterior=q,
        likelihood=p_x,
    )
    m2 = M2(
        x_shape=(latent_dim,),
        num_classes=source.num_classes,
        classifier=upper(out_shape=(source.num_classes,)),
        encoder=upper(out_shape=(2 * upper_dim,)),
        decoder=upper(out_shape=(2 * latent_dim,)),
        prior=standard(upper_dim),
        posterior=diagonal_normal(),
        likelihood=diagonal_normal(),
    )
    found = M1M2(m1, m2)
    return Description(
        found.init,
        found.bind,
        recognition=(
            ("m1", "encoder"),
            ("m1", "posterior"),
            ("m2", "classifier"),
            ("m2", "encoder"),
            ("m2", "posterior"),
        ),
        metrics=(*USUAL_METRICS, "accuracy"),
        reports=("scores", "classifier"),
        figures=("reconstructions", "samples", "analogies"),
        structure=structure_of(
            source,
            {"y": (source.num_classes,), "z_2": (upper_dim,), "z_1": (latent_dim,)},
            Factor("y", (), ("uniform",)),
            Factor("z_2", (), ("standard",), ("m2/prior",)),
            Factor("z_1", ("y", "z_2"), ("mlp", "diagonal"), ("m2/decoder", "m2/likelihood")),
            Factor("x", ("z_1",), (net, LIKELIHOODS.name_of(likelihood)), ("m1/decoder", "m1/likelihood")),
            recognition("z_1", ("x",), (net, "diagonal"), ("m1/encoder", "m1/posterior")),
            recognition("y", ("z_1",), ("mlp", "categorical"), ("m2/classifier",)),
            recognition("z_2", ("z_1", "y"), ("mlp", "diagonal"), ("m2/encoder", "m2/posterior")),
        ),
    )


KIND = Kind(m1m2, examples="pairs", objectives=("stacked_semi_supervised",))
