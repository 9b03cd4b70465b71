"""Likelihoods by their names in a config, and where a decoder's output starts."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np

from vaex.config.checks import lookup
from vaex.config.fields import Config
from vaex.distributions import NUM_LEVELS
from vaex.errors import UsageError
from vaex.model import Family
from vaex.models import likelihoods

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
    try:
        raw = likelihoods.unbounded(_sigma(c))
    except UsageError as error:
        raise UsageError(f"model.sigma: {error}") from None
    return np.stack([mean, np.full_like(mean, raw)], axis=-1)


def _spread(c: Any, mean: np.ndarray) -> np.ndarray:
    """Components over all of [0, 1], so that each finds levels of its own; [*x_shape, 3, K]."""
    locations = (np.arange(c.likelihood_components) + 0.5) / c.likelihood_components
    raw = np.stack([np.zeros_like(locations), locations, np.full_like(locations, likelihoods.unbounded(_SIGMA))])
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


def likelihood_of(config: Config) -> Likelihood:
    """The entry that a config names."""
    return lookup(LIKELIHOODS, config.model.likelihood, "model.likelihood")


def build_likelihood(config: Config, source: Source) -> Family:
    """The likelihood of a config."""
    return likelihood_of(config).family(config.model, source.x_shape)


def output_bias(config: Config, source: Source) -> Callable:
    """Start the decoder's output at what the training mean asks for."""
    start = likelihood_of(config).start(config.model, source.mean)
    return lambda key, shape, dtype=jnp.float32: jnp.array(start, dtype).reshape(shape)  # a copy: it will be donated
