"""Priors p(z), whose families apply to (params, encode): a prior may be made of posteriors."""

from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
from jax.typing import ArrayLike
from jaxtyping import Array, Float, PRNGKeyArray

from vaex.distributions import DiagonalNormalMixture, OneHotCategorical, UniformOnSphere
from vaex.distributions.flows import Bijection, Flow
from vaex.distributions.uniform_mixture import uniform_mixture
from vaex.errors import OptionError, check_seed
from vaex.model import Condition, Distribution, Encode, Family, Params
from vaex.models.mixture import GaussianMixture, constrain, free_parameters
from vaex.models.scales import bounded_log_var


def standard_normal(latent_dim: int) -> Family:
    """The prior p(z) = N(0, I)."""
    return Family(
        init=lambda key: {},
        apply=lambda params, encode: dist.Normal(jnp.zeros(latent_dim), jnp.ones(latent_dim)).to_event(1),
    )


def uniform_one_hot(latent_dim: int, num_classes: int) -> Family:
    """The prior under which each of latent_dim one-hot vectors is uniform over its classes."""
    return Family(
        init=lambda key: {},
        apply=lambda params, encode: OneHotCategorical(jnp.zeros((latent_dim, num_classes))).to_event(1),
    )


def uniform_on_sphere(latent_dim: int) -> Family:
    """The prior under which every point of the unit sphere of latent_dim numbers is as likely.

    Source: Davidson et al. 2018, hyperspherical variational auto-encoders, section 3.
    """
    return Family(init=lambda key: {}, apply=lambda params, encode: UniformOnSphere(latent_dim))


def normal_mixture(latent_dim: int, num_components: int) -> Family:
    """The prior p(z) = sum_k w_k N(z; mean_k, diag(exp(log_var_k))), all of it learned.

    Args:
        latent_dim: d.
        num_components: K, whose means start as draws from N(0, I) and their variances at 1.

    Source: the mixture of Gaussians of Tomczak and Welling 2018, section 2.
    """

    def init(key: Array) -> Params:
        shape = (num_components, latent_dim)
        return {
            "logits": jnp.zeros(num_components),
            "mean": jax.random.normal(key, shape),
            "log_var": jnp.zeros(shape),
        }

    def apply(params: Params, encode: Encode) -> Distribution:
        return DiagonalNormalMixture(params["logits"], params["mean"], bounded_log_var(params["log_var"]))

    return Family(init, apply)


def full_normal_mixture(latent_dim: int, num_components: int) -> Family:
    """The prior p(z) = sum_k w_k N(z; mean_k, L_k L_k^T), all of it learned: components that may lie aslant.

    Args:
        latent_dim: d.
        num_components: K, whose means start as draws from N(0, I) and their covariances at I.
    """

    def init(key: Array) -> Params:
        identity = jnp.broadcast_to(jnp.eye(latent_dim), (num_components, latent_dim, latent_dim))
        mean = jax.random.normal(key, (num_components, latent_dim))
        return free_parameters(GaussianMixture(jnp.zeros(num_components), mean, identity))

    return Family(init, lambda params, encode: constrain(params).marginal())


def flow(latent_dim: int, bijection: Bijection) -> Family:
    """The prior of f(z_0), z_0 ~ N(0, I), its bijection learned.

    Args:
        latent_dim: d.
        bijection: f, without a context; a density is evaluated by its inverse, so that this should be cheap.

    Source: Chen et al. 2017, variational lossy autoencoder, section 3.2, with coupling layers as in Dinh et al. 2017.
    """
    base = standard_normal(latent_dim)
    return Family(bijection.init, lambda params, encode: Flow(base.apply({}, encode), params, jnp.zeros(0), bijection))


def vamp(pseudo_inputs: ArrayLike) -> Family:
    """The variational mixture of posteriors p(z) = 1/K sum_k q(z|u_k), its pseudo-inputs u_k learned.

    Args:
        pseudo_inputs: where the u_k start, [K, ...]: training images, say. They are kept within [0, 1].

    Source: Tomczak and Welling 2018, equation 9.
    """

    def apply(params: Params, encode: Encode) -> Distribution:
        return uniform_mixture(jax.vmap(encode)(jnp.clip(params["pseudo_inputs"], 0.0, 1.0)))

    return Family(init=lambda key: {"pseudo_inputs": jnp.array(pseudo_inputs, jnp.float32)}, apply=apply)


def fitted_normal_mixture(
    z: Float[Array, "n d"], num_components: int, *, covariance: str = "diagonal", seed: int = 0
) -> Params:
    """The parameters of a mixture that EM, started from k-means, finds for latents: where clusters start from.

    EM is of components with full covariances, and a diagonal mixture has their variances: clusters of latents lie
    aslant, and without covariances EM takes several of them for one, or parts of one for several.

    Args:
        z: draws from q(z|x) of n examples, [n, d].
        num_components: K, at most n.
        covariance: "diagonal" for the parameters of normal_mixture, "full" for those of full_normal_mixture.
        seed: of k-means.

    Raises:
        OptionError: another covariance, or a seed that is none.

    Source: the start of Jiang et al. 2017, VaDE, there of diagonal covariances.
    """
    check_seed(seed=seed)
    if covariance not in ("diagonal", "full"):
        raise OptionError("covariance", covariance, '"diagonal" or "full"')
    from sklearn.mixture import GaussianMixture as Fitted  # half a second to import

    fit: Any = Fitted(num_components, covariance_type="full", n_init=3, random_state=seed).fit(np.asarray(z))
    logits, mean = np.log(fit.weights_), fit.means_
    if covariance == "full":
        found = jax.jit(free_parameters)(GaussianMixture(logits, mean, np.linalg.cholesky(fit.covariances_)))
    else:
        found = {"logits": logits, "mean": mean, "log_var": np.log(np.diagonal(fit.covariances_, axis1=-2, axis2=-1))}
    return {name: jnp.asarray(value, jnp.float32) for name, value in found.items()}


def learned_prior(network: nn.Module, family: Family, condition_shape: tuple[int, ...]) -> Family:
    """The prior p(z|c) whose raw parameters a network computes from the condition.

    Args:
        network: c -> raw.
        family: what raw means: a diagonal Gaussian, say.
        condition_shape: the shape of c.

    Returns:
        A Family whose apply is (params, encode, c) -> p(z|c).

    Source: Sohn, Lee and Yan 2015, section 4.
    """

    def init(key: PRNGKeyArray) -> Params:
        network_key, family_key = jax.random.split(key)
        return {"network": network.init(network_key, jnp.zeros(condition_shape)), "family": family.init(family_key)}

    def apply(params: Params, encode: Encode, condition: Condition) -> Distribution:
        return family.apply(params["family"], network.apply(params["network"], condition))

    return Family(init, apply)


def fixed_prior(prior: Family) -> Family:
    """A prior p(z) as a p(z|c) that does not depend on c, unless through q(z|x, c) as a VampPrior's."""
    return Family(prior.init, lambda params, encode, condition: prior.apply(params, encode))
