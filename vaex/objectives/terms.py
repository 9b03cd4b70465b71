"""What every objective is made of: log-weights, and the terms that are reported of them."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import numpyro.distributions as dist
from jaxtyping import Array, Float, PRNGKeyArray
from numpyro.distributions import kl_divergence

from vaex import bounds
from vaex.errors import UsageError
from vaex.model import Distribution, Latent, Model


class Terms(NamedTuple):
    """An objective and what it is made of, for one example, in nats."""

    objective: Float[Array, "*batch"]  # what is maximised
    elbo: Float[Array, "*batch"]  # the plain bound, never weighted: comparable across objectives
    log_px_z: Float[Array, "*batch"]  # E_q[log p(x|z)]
    kl: Float[Array, "*batch"]  # KL(q(z|x) || p(z))


Number = float | Float[Array, ""]  # an option that a schedule may move
Objective = Callable[..., Terms]  # (key, model, x, *, ...) -> Terms


class Weights(NamedTuple):
    """The log-weights of K draws and their three parts, each [K], in nats."""

    log_px_z: Float[Array, " k"]
    log_pz: Float[Array, " k"]
    log_qz: Float[Array, " k"]

    @property
    def log_w(self) -> Float[Array, " k"]:
        return self.log_px_z + self.log_pz - self.log_qz


def log_weights(
    model: Model, x: Any, q: Distribution, z: Latent, *, log_qz: Float[Array, " k"] | None = None
) -> Weights:
    """The log-weights of draws from q(z|x).

    log w_k = log p(x|z_k) + log p(z_k) - log q(z_k|x)

    Args:
        model: a model.
        x: one example.
        q: the distribution that z was drawn from, q(z|x).
        z: K draws, with a leading axis of K.
        log_qz: log q(z_k|x) where it is known already, [K].

    Returns:
        The weights' parts, each [K].

    Source: Burda, Grosse and Salakhutdinov 2015, section 3.
    """

    def one(z_k: Latent) -> tuple[Array, Array]:
        return model.decode(z_k).log_prob(x), model.prior.log_prob(z_k)

    return Weights(*jax.vmap(one)(z), jax.vmap(q.log_prob)(z) if log_qz is None else log_qz)


def weigh_draws(key: PRNGKeyArray, model: Model, x: Any, q: Distribution, num_samples: int) -> Weights:
    """K draws from q(z|x) through which gradients flow, weighed.

    A q with a method sample_and_log_prob gives each draw with its density: a flow's costs nothing on the way out, and
    an inversion afterwards.

    Raises:
        UsageError: num_samples below 1, or a q whose draws carry no gradient.
    """
    check_draws(q, num_samples)
    return sample_weights(key, model, x, q, num_samples)


def sample_weights(key: PRNGKeyArray, model: Model, x: Any, q: Distribution, num_samples: int) -> Weights:
    """K draws from the model's own q(z|x), weighed."""
    if model.weigh is not None:
        return _weighed_in_one_pass(key, model.weigh, x, q, num_samples)
    z, log_qz = sample_and_log_prob(key, q, num_samples)
    return log_weights(model, x, q, z, log_qz=log_qz)


def sample_and_log_prob(key: PRNGKeyArray, q: Distribution, num_samples: int) -> tuple[Latent, Float[Array, " k"]]:
    """K draws from any q(z|x), on a leading axis, and their log-densities, by q's own method where it has one."""
    if hasattr(q, "sample_and_log_prob"):
        return q.sample_and_log_prob(key, (num_samples,))  # pyright: ignore[reportAttributeAccessIssue]
    z = q.sample(key, (num_samples,))
    return z, jax.vmap(q.log_prob)(z)


def _weighed_in_one_pass(key: PRNGKeyArray, weigh: Callable, x: Any, q: Distribution, num_samples: int) -> Weights:
    def one(key: PRNGKeyArray) -> Weights:
        likelihood, log_pz, log_qz = weigh(key, q)
        return Weights(likelihood.log_prob(x), log_pz, log_qz)

    return jax.vmap(one)(jax.random.split(key, num_samples))


def draw(key: PRNGKeyArray, q: Distribution, num_samples: int) -> Latent:
    """K draws from q(z|x) through which gradients flow, on a leading axis.

    Raises:
        UsageError: num_samples below 1, or a q whose draws carry no gradient.
    """
    check_draws(q, num_samples)
    return q.sample(key, (num_samples,))


def check_draws(q: Distribution, num_samples: int) -> None:
    check_num_samples(num_samples)
    support = getattr(q, "support", None)  # of a distribution over several variables, each one's by its name
    supports = support.values() if isinstance(support, dict) else [support]
    if any(getattr(one, "is_discrete", False) for one in supports):
        raise UsageError(
            f"{type(q).__name__} is discrete, so its draws carry no gradient: use the objective reinforce, vimco or "
            "enumerate, or a Gumbel-softmax posterior"
        )


def terms(objective: Float[Array, ""], weights: Weights) -> Terms:
    """Report an objective beside the plain ELBO of the same draws."""
    log_px_z, kl = bounds.elbo(weights.log_px_z), bounds.elbo(weights.log_qz - weights.log_pz)
    return Terms(objective, log_px_z - kl, log_px_z, kl)


def factors(distribution: Distribution) -> Any:
    """The factors of a distribution over a vector that is independent across its dimensions.

    Raises:
        UsageError: it is not.
    """
    if not isinstance(distribution, dist.Independent):
        raise UsageError(
            f"{type(distribution).__name__} does not factorize over dimensions, as this objective needs: use another"
        )
    return distribution.base_dist


def kl_per_dimension(q: Distribution, p: Distribution) -> Float[Array, " d"] | None:
    """KL(q || p) of each latent dimension, in nats; None where q or p does not factorize or no closed form is known.

    KL_j = KL(q(z_j|x) || p(z_j))
    """
    if not (isinstance(q, dist.Independent) and isinstance(p, dist.Independent)):
        return None
    try:
        return kl_divergence(q.base_dist, p.base_dist)
    except NotImplementedError:
        return None


def closed_form_kl(q: Distribution, p: Distribution) -> Float[Array, ""] | None:
    """KL(q || p) in nats, or None where no closed form is known."""
    try:
        return kl_divergence(q, p)  # pyright: ignore[reportArgumentType]
    except NotImplementedError:
        return None


def analytic_kl(q: Distribution, p: Distribution) -> Float[Array, ""]:
    kl = closed_form_kl(q, p)
    if kl is None:
        pair = f"{type(q).__name__} and {type(p).__name__}"
        raise UsageError(
            f'no closed-form KL is known between {pair}: use kl="sampled" of the objective elbo, or stl or iwae'
        )
    return kl


def check_num_samples(num_samples: int) -> None:
    if num_samples < 1:
        raise UsageError(f"num_samples is {num_samples}: expected at least 1 draw from q(z|x)")
