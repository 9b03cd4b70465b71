"""Models by their names in a config: networks, and the distributions that their outputs mean."""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike

from vaex import autoencoder, flows, hierarchies, likelihoods, posteriors, priors
from vaex.conditional import ConditionalVAE, as_channels, as_vector, fixed_prior, learned_prior
from vaex.config import Config
from vaex.distributions import NUM_LEVELS
from vaex.errors import UsageError
from vaex.experiment.checks import lookup
from vaex.experiment.conditions import condition, condition_shape
from vaex.experiment.missing import PartiallyObserved
from vaex.grids import CausalGrid, GridDecoder, GridEncoder
from vaex.labels import M2
from vaex.model import VAE, Family
from vaex.networks import ACTIVATIONS, MLP, ConvDecoder, ConvEncoder, GatedMLP
from vaex.stacked import M1M2
from vaex.vqvae import VQVAE

Shape = tuple[int, ...]
_SIGMA = 0.1  # where learning starts: wide enough that no pixel is an outlier at first


class Source(NamedTuple):
    """What a model is built for: the shape of an image, and the training images where they are at hand."""

    x_shape: Shape
    images: np.ndarray | None  # uint8 [N, *x_shape]; None where parameters are restored

    @property
    def mean(self) -> np.ndarray:
        """Of each training pixel, in [0, 1]."""
        if self.images is None:
            return np.full(self.x_shape, 0.5, np.float32)
        return self.images.mean(axis=0, dtype=np.float32) / 255


class Likelihood(NamedTuple):
    """A likelihood by its name, from the fields of config.model."""

    family: Callable[[Any, Shape], Family]  # (c, x_shape) -> p(x|z)
    pixels: str  # what it is defined on: "binary", "density" or "levels", as in vaex.data.preprocess
    raw_shape: Callable[[Any, Shape], Shape] = lambda c, x_shape: x_shape  # of the decoder's output
    start: Callable[[Any, np.ndarray], np.ndarray] = lambda c, mean: mean  # mean of the pixels -> output to start from


def _sigma(c: Any) -> float:
    return _SIGMA if c.sigma is None else c.sigma


def _log_odds(c: Any, mean: np.ndarray) -> np.ndarray:
    p = np.clip(mean, 1e-3, 1 - 1e-3)  # constant pixels would make them infinite
    return np.log(p) - np.log1p(-p)


def _slope(c: Any, mean: np.ndarray) -> np.ndarray:
    """A continuous Bernoulli's logits for a mean, exact in the limits of 0, 1/2 and 1, and near between them."""
    p = np.clip(mean, 0.02, 0.98)
    return 1 / (1 - p) - 1 / p


def _with_scale(c: Any, mean: np.ndarray) -> np.ndarray:
    return np.stack([mean, np.full_like(mean, np.log(_sigma(c)))], axis=-1)


def _spread(c: Any, mean: np.ndarray) -> np.ndarray:
    """Components over all of [0, 1], so that each finds levels of its own; [*x_shape, 3, K]."""
    locations = (np.arange(c.likelihood_components) + 0.5) / c.likelihood_components
    raw = np.stack([np.zeros_like(locations), locations, np.full_like(locations, np.log(_SIGMA))])
    return np.broadcast_to(raw, (*mean.shape, *raw.shape))


LIKELIHOODS = {
    "bernoulli": Likelihood(lambda c, shape: likelihoods.bernoulli(), "binary", start=_log_odds),
    "gaussian_fixed": Likelihood(lambda c, shape: likelihoods.normal_fixed(c.sigma), "density"),
    "gaussian_scalar": Likelihood(lambda c, shape: likelihoods.normal_learned(_sigma(c)), "density"),
    "gaussian_pixel": Likelihood(lambda c, shape: likelihoods.normal_learned(np.full(shape, _sigma(c))), "density"),
    "gaussian_output": Likelihood(
        lambda c, shape: likelihoods.normal_output(), "density", lambda c, shape: (*shape, 2), _with_scale
    ),
    "continuous_bernoulli": Likelihood(lambda c, shape: likelihoods.continuous_bernoulli(), "density", start=_slope),
    "categorical": Likelihood(
        lambda c, shape: likelihoods.categorical(),
        "levels",
        lambda c, shape: (*shape, NUM_LEVELS),
        lambda c, mean: np.zeros((*mean.shape, NUM_LEVELS)),
    ),
    "discretized_logistic": Likelihood(
        lambda c, shape: likelihoods.discretized_logistic(), "levels", lambda c, shape: (*shape, 2), _with_scale
    ),
    "logistic_mixture": Likelihood(
        lambda c, shape: likelihoods.logistic_mixture(),
        "levels",
        lambda c, shape: (*shape, 3, c.likelihood_components),
        _spread,
    ),
}


class Posterior(NamedTuple):
    """A posterior by its name, from the fields of config.model."""

    family: Callable[[Any], Family]
    raw_shape: Callable[[Any], Shape]  # of the encoder's output
    prior: str = "standard"  # where none is named


Step = Callable[..., flows.Bijection]  # (latent_dim, hidden, activation, *, context_dim, reverse)


def _alternate(c: Any, step: Step, num_flows: int, hidden: Shape, *, context_dim: int) -> flows.Bijection:
    """Steps whose networks see the dimensions in one order and in its reverse by turns."""
    activation = lookup(ACTIVATIONS, c.activation, "model.activation")
    sides = [i % 2 == 1 for i in range(num_flows)]
    return flows.chain(
        [step(c.latent_dim, tuple(hidden), activation, context_dim=context_dim, reverse=reverse) for reverse in sides]
    )


def _of_flow(step: Callable[[Any], Step]) -> Posterior:
    """The posterior of steps that share a context, which follows the mean and log-variance of z_0."""

    def context_dim(c: Any) -> int:
        return c.flow_context or c.latent_dim

    def family(c: Any) -> Family:
        bijection = _alternate(c, step(c), c.num_flows, c.flow_hidden, context_dim=context_dim(c))
        return posteriors.flow(c.latent_dim, bijection)

    return Posterior(family, lambda c: (2 * c.latent_dim + context_dim(c),))


_AFFINE = functools.partial(flows.coupling, elementwise=flows.affine())
POSTERIORS = {
    "diagonal": Posterior(lambda c: posteriors.diagonal_normal(), lambda c: (2 * c.latent_dim,)),
    "full": Posterior(
        lambda c: posteriors.full_normal(c.latent_dim), lambda c: (c.latent_dim * (c.latent_dim + 3) // 2,)
    ),
    "planar": Posterior(
        lambda c: posteriors.flow(c.latent_dim, flows.planar(c.latent_dim, c.num_flows)),
        lambda c: (2 * c.latent_dim + c.num_flows * (2 * c.latent_dim + 1),),
    ),
    "iaf": _of_flow(lambda c: flows.inverse_autoregressive),
    "affine_coupling": _of_flow(lambda c: _AFFINE),
    "spline_coupling": _of_flow(
        lambda c: functools.partial(flows.coupling, elementwise=flows.rational_quadratic(c.num_bins or 8))
    ),
    "one_hot": Posterior(lambda c: posteriors.one_hot(), lambda c: (c.latent_dim, c.num_classes), prior="uniform"),
    "point": Posterior(lambda c: autoencoder.point(), lambda c: (c.latent_dim,), prior="none"),
}
PRIORS: dict[str, Callable[[Any, Source], Family]] = {
    "standard": lambda c, source: priors.standard_normal(c.latent_dim),
    "none": lambda c, source: autoencoder.no_prior(),
    "uniform": lambda c, source: priors.uniform_one_hot(c.latent_dim, c.num_classes),
    "mixture": lambda c, source: priors.normal_mixture(c.latent_dim, c.num_components),
    "vamp": lambda c, source: priors.vamp(_pseudo_inputs(c.num_components, source)),
    "flow": lambda c, source: priors.flow(
        c.latent_dim, _alternate(c, _AFFINE, c.prior_flows, c.prior_hidden, context_dim=0)
    ),
}


class Networks(NamedTuple):
    """A pair of networks by its name, from the fields of config.model."""

    encoder: Callable[[Any, Callable, Shape], nn.Module]  # (c, activation, raw_shape)
    decoder: Callable[[Any, Callable, Shape, Callable], nn.Module]  # (c, activation, raw_shape, out_bias)
    join: Callable[[Any, Any], Any] = as_channels  # (x, condition) -> the input of a conditional encoder


def _convolutional(num_blocks: Callable[[Any], Shape]) -> Networks:
    return Networks(
        lambda c, activation, shape: ConvEncoder(
            tuple(c.channels), num_blocks(c), tuple(c.encoder_hidden), shape, activation
        ),
        lambda c, activation, shape, bias: ConvDecoder(
            tuple(c.channels), num_blocks(c), tuple(c.decoder_hidden), shape, activation, out_bias=bias
        ),
    )


NETWORKS = {
    "mlp": Networks(
        lambda c, activation, shape: MLP(tuple(c.encoder_hidden), shape, activation),
        lambda c, activation, shape, bias: MLP(tuple(c.decoder_hidden), shape, activation, out_bias=bias),
        join=as_vector,
    ),
    "gated": Networks(
        lambda c, activation, shape: GatedMLP(tuple(c.encoder_hidden), shape),
        lambda c, activation, shape, bias: GatedMLP(tuple(c.decoder_hidden), shape, out_bias=bias),
    ),
    "conv": _convolutional(lambda c: (0,) * len(c.channels)),
    "residual": _convolutional(lambda c: tuple(c.num_blocks)),
}


def build_vae(config: Config, source: Source) -> VAE:
    """The VAE of a config."""
    c = config.model
    likelihood = lookup(LIKELIHOODS, c.likelihood, "model.likelihood")
    posterior = lookup(POSTERIORS, c.posterior, "model.posterior")
    prior = lookup(PRIORS, c.prior or posterior.prior, "model.prior")
    networks = lookup(NETWORKS, c.network, "model.network")
    activation = lookup(ACTIVATIONS, c.activation, "model.activation")
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
    network = MLP(tuple(c.encoder_hidden), kind.raw_shape(c), ACTIVATIONS[c.activation])
    return learned_prior(network, kind.family(c), shape)


def build_likelihood(config: Config, source: Source) -> Family:
    """The likelihood of a config."""
    c = config.model
    likelihood = lookup(LIKELIHOODS, c.likelihood, "model.likelihood")
    return likelihood.family(c, source.x_shape)


def output_bias(config: Config, source: Source) -> Callable:
    """Start the decoder's output at what the training mean asks for."""
    start = lookup(LIKELIHOODS, config.model.likelihood, "model.likelihood").start(config.model, source.mean)
    return lambda key, shape, dtype=jnp.float32: jnp.array(start, dtype).reshape(shape)  # a copy: it will be donated


def build_hierarchy(config: Config, source: Source) -> VAE:
    """Stochastic layers, with a posterior that goes bottom up."""
    c, dims = config.model, tuple(config.model.latent_dims)
    activation = lookup(ACTIVATIONS, c.activation, "model.activation")
    pairs = list(zip(c.between_hidden, dims[:-1], dims[1:], strict=True))
    return VAE(
        x_shape=source.x_shape,
        encoder=MLP(tuple(c.encoder_hidden), (2 * dims[0],), activation),
        decoder=_lowest(config, source),
        prior=_layered_prior(config),
        posterior=hierarchies.bottom_up([MLP(hidden, (2 * up,), activation) for hidden, _, up in pairs], dims),
        likelihood=build_likelihood(config, source),
    )


def build_ladder(config: Config, source: Source) -> hierarchies.Ladder:
    """The same generator, with a posterior that goes down with it."""
    c = config.model
    activation = lookup(ACTIVATIONS, c.activation, "model.activation")
    hidden = (tuple(c.encoder_hidden), *c.between_hidden)
    return hierarchies.Ladder(
        x_shape=source.x_shape,
        encoder=hierarchies.Messages(hidden, tuple(c.latent_dims), activation),
        decoder=_lowest(config, source),
        prior=_layered_prior(config),
        likelihood=build_likelihood(config, source),
    )


def _layered_prior(config: Config) -> Family:
    c, dims = config.model, tuple(config.model.latent_dims)
    activation = lookup(ACTIVATIONS, c.activation, "model.activation")
    networks = [
        MLP(hidden[::-1], (2 * down,), activation) for hidden, down in zip(c.between_hidden, dims[:-1], strict=True)
    ]
    return hierarchies.top_down(priors.standard_normal(dims[-1]), networks, dims)


def _lowest(config: Config, source: Source) -> nn.Module:
    c = config.model
    likelihood = lookup(LIKELIHOODS, c.likelihood, "model.likelihood")
    activation = lookup(ACTIVATIONS, c.activation, "model.activation")
    shape, bias = likelihood.raw_shape(c, source.x_shape), output_bias(config, source)
    return hierarchies.Lowest(MLP(tuple(c.decoder_hidden), shape, activation, out_bias=bias))


def build_m2(config: Config, source: Source) -> M2:
    """M2 on images: the classifier has the encoder's hidden layers."""
    c = config.model
    likelihood = lookup(LIKELIHOODS, c.likelihood, "model.likelihood")
    activation = lookup(ACTIVATIONS, c.activation, "model.activation")
    return M2(
        x_shape=source.x_shape,
        num_classes=config.data.num_classes,
        classifier=MLP(tuple(c.encoder_hidden), (config.data.num_classes,), activation),
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
    network = functools.partial(
        MLP, tuple(c.upper_hidden), activation=lookup(ACTIVATIONS, c.activation, "model.activation")
    )
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
    likelihood = lookup(LIKELIHOODS, c.likelihood, "model.likelihood")
    activation = lookup(ACTIVATIONS, c.activation, "model.activation")
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


MODELS: dict[str, Callable[[Config, Source], Any]] = {
    "vae": build_vae,
    "conditional": build_conditional,
    "hierarchy": build_hierarchy,
    "ladder": build_ladder,
    "m2": build_m2,
    "m1m2": build_m1m2,
    "vqvae": build_vqvae,
}


def build_model(config: Config, source: Source) -> Any:
    """The model of a config: what has init(key) -> params and bind(params) -> Model."""
    model = lookup(MODELS, config.model.kind, "model.kind")(config, source)
    if config.data.missing is not None:
        return PartiallyObserved(model)
    return model if config.data.noise is None else autoencoder.Denoising(model)


def _pseudo_inputs(num_components: int, source: Source) -> ArrayLike:
    if source.images is None:
        return np.zeros((num_components, *source.x_shape), np.float32)
    if num_components > len(source.images):
        raise UsageError(
            f"model.num_components is {num_components}: a VampPrior's pseudo-inputs start from training images, of "
            f"which there are {len(source.images)}; set it to at most that"
        )
    chosen = np.random.default_rng(0).choice(len(source.images), num_components, replace=False)
    return source.images[chosen].astype(np.float32) / 255
