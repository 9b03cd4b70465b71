"""Full variational Bayes: a Gaussian over weights in the place of one value of each, for any pytree of them."""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax.flatten_util import ravel_pytree
from jaxtyping import Array, Float, PRNGKeyArray

from vaex.distributions.uniform_mixture import UniformMixture
from vaex.errors import OptionError, check_positive
from vaex.model import AnyModel, Conditional, Distribution, Latent, Model, Params
from vaex.models.description import Description, RandomWeights, Source

_LOG_SIGMA = "log_sigma"  # the entry of params that holds the deviations, apart from the means, which keep their place


class MeanField(NamedTuple):
    """q(theta): independent normal distributions, one for each weight."""

    mean: Params
    log_sigma: Float[Array, " n"]  # of the means as one vector, in the order of their leaves


def mean_field(mean: Params, *, sigma: float = 0.1) -> MeanField:
    """q(theta) around some weights.

    q(theta) = prod_j N(theta_j; mean_j, sigma_j^2)

    Args:
        mean: a pytree of arrays.
        sigma: the deviation of every weight to begin with.

    Raises:
        OptionError: sigma not above 0.
    """
    check_positive(sigma=sigma)
    return MeanField(mean, jnp.full(ravel_pytree(mean)[0].shape, jnp.log(sigma)))


def draw_weights(key: PRNGKeyArray, q: MeanField) -> Params:
    """One theta = mean + sigma epsilon, which carries the gradient of both.

    Source: Kingma and Welling 2013, appendix F, equation 23.
    """
    mean, unravel = ravel_pytree(q.mean)
    return unravel(mean + jnp.exp(q.log_sigma) * jax.random.normal(key, mean.shape, mean.dtype))


def weights_kl(q: MeanField, *, sigma: float = 1.0) -> Float[Array, ""]:
    """KL(q(theta) || N(0, sigma^2 I)), in nats: once for a whole data set, so its N-th part for an example.

    1/2 sum_j ((sigma_j^2 + mean_j^2) / sigma^2 - 1 - log(sigma_j^2 / sigma^2))

    Args:
        q: as of `mean_field`.
        sigma: the prior's deviation.

    Raises:
        OptionError: sigma not above 0.

    Source: Kingma and Welling 2013, appendix F.
    """
    check_positive(sigma=sigma)
    mean, log_ratio = ravel_pytree(q.mean)[0] / sigma, q.log_sigma - jnp.log(sigma)
    return 0.5 * jnp.sum(mean**2 + jnp.expm1(2 * log_ratio) - 2 * log_ratio)


def predictive(models: Callable[[Params], Model], draws: Params) -> Model:
    """The model that averages over S draws of the weights of its p(x|z).

    p(x|z) = 1/S sum_s p(x|z, theta_s),   and so p(x) = 1/S sum_s p(x|theta_s)

    Args:
        models: theta -> Model, which differ in p(x|z) alone.
        draws: S draws of theta, on a leading axis.

    Returns:
        A model like any other, whose bounds are on the log of that mean.
    """
    first = models(jax.tree.map(lambda leaf: leaf[0], draws))

    def decode(z: Latent) -> Distribution:
        return UniformMixture(jax.vmap(lambda theta: models(theta).decode(z))(draws))

    return first._replace(decode=decode, weigh=None)


def of_variational(description: Description, source: Source, *, sigma: float | None, num_draws: int) -> Description:
    """The description of a model whose p(x|z) has weights with a distribution: one draw of them for a batch.

    Args:
        description: of a kind that says which entries of its params are weights of p(x|z) alone.
        source: what it is built for.
        sigma: the deviation of the weights' prior; 1 if None.
        num_draws: S, over which it averages where it is bound, the same whenever it is, for runs of every seed.

    Returns:
        One whose params have deviations besides.

    Raises:
        OptionError: a kind of model that names no such entries, or examples of which a part is missing.
    """
    if not description.generator:
        raise OptionError(
            "weights", "variational", "'point' with this kind of model", "or set model.name to 'vae'", path="train"
        )
    if source.is_masked:  # a part of x says something of the weights, which imputation would not hear
        raise OptionError("weights", "variational", "'point' where values are missing", path="train")

    def posterior(params: Params) -> MeanField:
        return MeanField({name: params[name] for name in description.generator}, params[_LOG_SIGMA])

    def with_weights(params: Params, weights: Params) -> Params:
        return {name: value for name, value in params.items() if name != _LOG_SIGMA} | weights

    def init(key: PRNGKeyArray) -> Params:
        params = description.init(key)
        q = mean_field({name: params[name] for name in description.generator})
        return {**params, _LOG_SIGMA: q.log_sigma}

    def draw(key: PRNGKeyArray, params: Params) -> Params:
        return with_weights(params, draw_weights(key, posterior(params)))

    def bind(params: Params) -> AnyModel:
        keys = jax.random.split(jax.random.key(0), num_draws)
        draws = jax.vmap(lambda key: draw_weights(key, posterior(params)))(keys)
        models = lambda weights: description.bind(with_weights(params, weights))
        if source.condition_shape is None:
            return predictive(models, draws)
        return Conditional(lambda condition: predictive(lambda weights: models(weights).given(condition), draws))

    kl = lambda params: weights_kl(posterior(params), sigma=1.0 if sigma is None else sigma)
    graph = description.structure
    if graph is not None:
        graph = graph._replace(shared=(*graph.shared, (_LOG_SIGMA, "the deviations of p(x|z)'s weights")))
    return description._replace(
        init=init, bind=bind, weights=RandomWeights(draw, description.bind, kl), structure=graph
    )


WEIGHTS: dict[str, Callable[..., Description]] = {  # (description, source, *, sigma, num_draws)
    "point": lambda description, source, **options: description,
    "variational": of_variational,
}
