"""Likelihoods p(x|z) by their names: what the raw output of a decoder means."""

import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
from jaxtyping import Array, Float

from vaex.choices import Choices
from vaex.distributions import (
    NUM_LEVELS,
    CategoricalLevels,
    ContinuousBernoulli,
    DiscretizedLogistic,
    IndependentBernoulli,
    StudentT,
)
from vaex.errors import check_positive, check_whole
from vaex.model import Distribution, Params
from vaex.models.likelihood_parts import Likelihood, bounded, from_function, learned_normal, unbounded, with_scale
from vaex.models.scales import MIN_SIGMA, check_degrees, check_learned, learned_scale
from vaex.models.table import table
from vaex.networks.pairs import Shape


def bernoulli() -> Likelihood:
    """The likelihood p(x|z) = prod_j Bernoulli(x_j; sigmoid(raw_j)).

    Source: Kingma and Welling 2013, appendix C.1.
    """

    def log_odds(mean: Array | np.ndarray) -> Array | np.ndarray:
        xp = mean.__array_namespace__()
        p = xp.clip(mean, 1e-3, 1 - 1e-3)  # constant pixels would make them infinite
        return xp.log(p) - xp.log1p(-p)

    apply = lambda params, raw: IndependentBernoulli(raw, raw.ndim)
    return Likelihood(lambda key: {}, apply, "binary", start=log_odds)


def gaussian_fixed(*, sigma: float) -> Likelihood:
    """The likelihood p(x|z) = N(raw, sigma^2 I) with sigma given.

    Args:
        sigma: the standard deviation of each pixel.
    """
    check_positive(sigma=sigma)
    return from_function(lambda raw: dist.Normal(raw, jnp.full_like(raw, sigma)))


def gaussian_scalar(*, sigma: float = 0.1, min_sigma: float = MIN_SIGMA) -> Likelihood:
    """The likelihood p(x|z) = N(raw, sigma^2 I) with one sigma learned, the same for every z.

    Args:
        sigma: where learning starts: wide enough that no pixel is an outlier at first.
        min_sigma: what the scale stays above; by default a third of the noise of rounding.

    Source: Rybkin, Daniilidis and Levine 2021.
    """
    return Likelihood(*learned_normal(sigma, min_sigma=min_sigma))


def gaussian_pixel(*, x_shape: Shape, sigma: float = 0.1, min_sigma: float = MIN_SIGMA) -> Likelihood:
    """The likelihood p(x|z) = N(raw, diag(sigma^2)) with one sigma learned for each pixel, the same for every z.

    Args:
        x_shape: the shape of one example.
        sigma: where learning starts: wide enough that no pixel is an outlier at first.
        min_sigma: what the scale stays above; by default a third of the noise of rounding.
    """
    return Likelihood(*learned_normal(sigma, x_shape, min_sigma=min_sigma))


def gaussian_output(*, sigma: float = 0.1, min_sigma: float = MIN_SIGMA) -> Likelihood:
    """The likelihood p(x|z) = N(mean, diag(sigma^2)) with both from z: raw = [mean, log sigma], [*x_shape, 2].

    The logarithm of sigma is bounded smoothly, so that no density grows without limit where x is foreseen exactly.

    Args:
        sigma: where learning starts.
        min_sigma: what the scale stays above, and below its inverse; by default a third of the noise of rounding.

    Source: Kingma and Welling 2013, appendix C.2.
    """
    normal = lambda raw: dist.Normal(raw[..., 0], jnp.exp(bounded(raw[..., 1], min_sigma)))
    return from_function(normal, raw_shape=lambda x_shape: (*x_shape, 2), start=with_scale(sigma, min_sigma))


def student_t(*, x_shape: Shape, sigma: float = 0.1, degrees: float = 4.0, min_sigma: float = MIN_SIGMA) -> Likelihood:
    """The likelihood p(x|z) = prod_j StudentT(x_j; degrees, raw_j, sigma_j) with one scale learned for each pixel.

    Its tails are heavier than a Gaussian's, so that pixels foreseen badly weigh less on the rest.

    Args:
        x_shape: the shape of one example.
        sigma: the scale from which learning starts.
        degrees: of freedom, above 1, from where on there is a mean; many are a Gaussian.
        min_sigma: what the scale stays above; by default a third of the noise of rounding.

    Source: Takahashi et al. 2018, Student-t variational autoencoder, with degrees that are given.
    """
    check_degrees(degrees)
    check_learned(sigma, min_sigma)

    def apply(params: Params, raw: Float[Array, "..."]) -> Distribution:
        return StudentT(degrees, raw, learned_scale(params, min_sigma)).to_event(raw.ndim)

    return Likelihood(lambda key: {"log_sigma": jnp.full(x_shape, jnp.log(sigma))}, apply)


def continuous_bernoulli() -> Likelihood:
    """The likelihood p(x|z) = prod_j CB(x_j; raw_j) on [0, 1], raw_j the logits.

    Source: Loaiza-Ganem and Cunningham 2019.
    """

    def slope(mean: Array | np.ndarray) -> Array | np.ndarray:
        """The logits for a mean, exact in the limits of 0, 1/2 and 1, and near between them."""
        p = mean.__array_namespace__().clip(mean, 0.02, 0.98)
        return 1 / (1 - p) - 1 / p + 4 * (p - 0.5)

    return from_function(ContinuousBernoulli, start=slope)


def categorical() -> Likelihood:
    """The likelihood that gives each of a pixel's 256 levels a probability of its own: raw = logits, [*x_shape, 256].

    Source: van den Oord, Kalchbrenner and Kavukcuoglu 2016, the softmax over levels.
    """
    return from_function(
        CategoricalLevels,
        defined_on="levels",
        raw_shape=lambda x_shape: (*x_shape, NUM_LEVELS),
        start=lambda mean: np.zeros((*mean.shape, NUM_LEVELS)),
    )


def discretized_logistic(*, sigma: float = 0.1, min_sigma: float = MIN_SIGMA) -> Likelihood:
    """The likelihood of levels by a rounded logistic variable: raw = [location, log scale], [*x_shape, 2].

    Args:
        sigma: the scale from which learning starts.
        min_sigma: what the scale stays above, and below its inverse; by default a tenth of a level.

    Source: Kingma et al. 2016 and Salimans et al. 2017, section 2.1.
    """
    logistic = lambda raw: DiscretizedLogistic(raw[..., 0], bounded(raw[..., 1], min_sigma))
    return from_function(
        logistic, defined_on="levels", raw_shape=lambda x_shape: (*x_shape, 2), start=with_scale(sigma, min_sigma)
    )


def logistic_mixture(*, num_components: int = 5, min_sigma: float = MIN_SIGMA) -> Likelihood:
    """The likelihood of levels by a mixture of K rounded logistics for each: raw = [logits, locations, log scales].

    P(x_j) = sum_k softmax(logits_j)_k P(x_j; loc_jk, scale_jk),   raw: [*x_shape, 3, K]

    Several channels are independent, which is where it is simpler than the source's.

    Args:
        num_components: K, which start all over [0, 1], so that each finds levels of its own.
        min_sigma: what each scale stays above, and below its inverse; by default a tenth of a level.

    Source: Salimans, Karpathy, Chen and Kingma 2017, section 2.1.
    """
    check_whole(num_components=num_components)
    start = unbounded(0.1, min_sigma)

    def mixture(raw: Float[Array, "*x_shape three k"]) -> dist.Distribution:
        components = DiscretizedLogistic(raw[..., 1, :], bounded(raw[..., 2, :], min_sigma))
        return dist.MixtureSameFamily(dist.Categorical(logits=raw[..., 0, :]), components)

    def spread(mean: Array | np.ndarray) -> np.ndarray:
        locations = (np.arange(num_components) + 0.5) / num_components
        raw = np.stack([np.zeros_like(locations), locations, np.full_like(locations, start)])
        return np.broadcast_to(raw, (*mean.shape, *raw.shape))

    shape = lambda x_shape: (*x_shape, 3, num_components)
    return from_function(mixture, defined_on="levels", raw_shape=shape, start=spread)


LIKELIHOODS = Choices(
    {
        "bernoulli": bernoulli,
        "gaussian_fixed": gaussian_fixed,
        "gaussian_scalar": gaussian_scalar,
        "gaussian_pixel": gaussian_pixel,
        "gaussian_output": gaussian_output,
        "student_t": student_t,
        "continuous_bernoulli": continuous_bernoulli,
        "categorical": categorical,
        "discretized_logistic": discretized_logistic,
        "logistic_mixture": logistic_mixture,
        "table": table,
    },
    what="likelihood",
    context=("x_shape", "columns"),
)
