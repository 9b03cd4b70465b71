"""M2, the semi-supervised model whose latents are a label and a style."""

from dataclasses import dataclass
from typing import Annotated, NoReturn

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from vaex.choices import Build
from vaex.distributions import OneHotCategorical
from vaex.distributions.labelled import Labelled, LabelledLatent
from vaex.errors import OptionError, UsageError, check_whole
from vaex.model import Distribution, Example, Family, Model, Params, Raw
from vaex.models import likelihoods
from vaex.models.description import USUAL_METRICS, Description, Kind, Source, of_one_example, refuse, structure_of
from vaex.models.likelihood_parts import Likelihood, build_likelihood, output_bias
from vaex.models.likelihoods import LIKELIHOODS
from vaex.models.posterior_table import diagonal
from vaex.models.posteriors import Posterior
from vaex.models.prior_table import PRIORS, Prior, build_prior, standard
from vaex.models.structure import Factor, recognition
from vaex.models.vae import draw_of_zeros
from vaex.networks import NETWORKS
from vaex.networks.pairs import mlp


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
    prior: Family | Prior
    posterior: Family | Posterior
    likelihood: Family | Likelihood

    def init(self, key: PRNGKeyArray) -> Params:
        """Parameters drawn from `key`: a dict with one entry for each part."""
        keys = jax.random.split(key, 7)
        x, y = jnp.zeros(self.x_shape), jnp.zeros(self.num_classes)
        raw, encoder = self.encoder.init_with_output(keys[1], x, y)
        posterior = self.posterior.init(keys[2])
        z = draw_of_zeros(lambda key: self.posterior.apply(posterior, raw).sample(key))
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

            logits: Raw = self.classifier.apply(params["classifier"], x)
            return Labelled(OneHotCategorical(logits), jax.vmap(given)(classes))

        def decode(latent: LabelledLatent) -> Distribution:
            raw = self.decoder.apply(params["decoder"], latent.z, latent.y)
            return self.likelihood.apply(params["likelihood"], raw)

        p_z = self.prior.apply(params["prior"], _no_label)
        prior = Labelled(OneHotCategorical(jnp.zeros(self.num_classes)), jax.vmap(lambda y: p_z)(classes))
        return of_one_example(Model(prior=prior, encode=encode, decode=decode), self.x_shape)


def _no_label(x: Example) -> NoReturn:
    raise UsageError("a VampPrior is made of q(z|x), of which M2 has one for each label: use another prior")


def m2(
    source: Source,
    *,
    latent_dim: int = 20,
    sigma: float = 1.0,
    network: Annotated[Build, NETWORKS] = mlp,
    prior: Annotated[Build, PRIORS] = standard,
    likelihood: Annotated[Build, LIKELIHOODS] = likelihoods.bernoulli,
) -> Description:
    """A label and a style for each image, of which few have a label to learn from.

    Args:
        source: what it is built for.
        latent_dim: of the style z.
        sigma: the standard deviation of q(z|x, y) when training starts, as of diagonal.
        network: of q(y|x), of q(z|x, y) and of p(x|y, z).
        prior: p(z).
        likelihood: p(x|y, z).
    """
    refuse("m2", source, condition="whose label is a latent already")
    check_labels("m2", source)
    check_whole(latent_dim=latent_dim)
    if (of_z := PRIORS.name_of(prior)) in ("uniform", "conditional", "vamp"):  # of one-hot z, a condition, one q(z|x)
        others = "'standard', 'mixture' or 'flow', which are over the style of model.name 'm2'"
        raise OptionError("prior.name", of_z, others)
    net = NETWORKS.name_of(network)
    networks, q, p_x = network(), diagonal(latent_dim, sigma=sigma), build_likelihood(likelihood, source)
    decoder = networks.decoder(p_x.raw_shape(source.x_shape), output_bias(p_x, source))
    p_z = build_prior(prior, latent_dim, source, q)
    if p_z.refit is not None:
        raise OptionError("prior.fit_after", p_z.refit.after, "none with model.name 'm2'", "unset it")
    found = M2(
        x_shape=source.x_shape,
        num_classes=source.num_classes,
        classifier=networks.encoder((source.num_classes,)),
        encoder=networks.of_two(networks.encoder(q.raw_shape), of_image=True),
        decoder=networks.of_two(decoder, of_image=False),
        prior=p_z,
        posterior=q,
        likelihood=p_x,
    )
    return Description(
        found.init,
        found.bind,
        recognition=(("classifier",), ("encoder",), ("posterior",)),
        metrics=(*USUAL_METRICS, "accuracy"),
        reports=("scores", "classifier"),
        figures=("reconstructions", "samples", "analogies"),
        structure=structure_of(
            source,
            {"y": (source.num_classes,), "z": (latent_dim,)},
            Factor("y", (), ("uniform",)),
            Factor("z", (), (p_z.name,), ("prior",)),
            Factor("x", ("y", "z"), (net, LIKELIHOODS.name_of(likelihood)), ("decoder", "likelihood")),
            recognition("y", ("x",), (net, "categorical"), ("classifier",)),
            recognition("z", ("x", "y"), (net, "diagonal"), ("encoder", "posterior")),
        ),
    )


def check_labels(kind: str, source: Source) -> None:
    """There are labels to learn from.

    Raises:
        UsageError: there are none.
    """
    if source.num_classes < 2:
        raise UsageError(
            f"model.name is {kind!r} on data without labels of two classes or more: use another data set, or label "
            "some of each class"
        )


KIND = Kind(m2, examples="pairs", objectives=("semi_supervised",))
