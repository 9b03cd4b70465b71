"""What every objective is made of: log-weights, and the terms that are reported of them."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from vaex import bounds
from vaex.distributions.abilities import factors
from vaex.distributions.divergences import closed_form_kl
from vaex.distributions.shapes import batch_shape, check_no_point, check_number, log_density
from vaex.errors import UsageError
from vaex.losses.arithmetic import at_least_float32, logsumexp, times, where_possible
from vaex.model import Distribution, Example, Latent, Model


class Terms(NamedTuple):
    """An objective and what it is made of, for one example, in nats; elbo and kl are None where nothing is bounded."""

    objective: Float[Array, "*batch"]  # what is maximised
    elbo: Float[Array, "*batch"] | Any  # the plain bound, never weighted: comparable across objectives
    log_px_z: Float[Array, "*batch"]  # E_q[log p(x|z)]
    kl: Float[Array, "*batch"] | Any  # KL(q(z|x) || p(z))


Number = float | Float[Array, ""]  # an option that a schedule may move
Objective = Callable[..., Terms]  # (key, model, x, *, ...) -> Terms


class Weights(NamedTuple):
    """The log-weights of K draws and their three parts, each [K], in nats."""

    log_px_z: Float[Array, " k"]
    log_pz: Float[Array, " k"]
    log_qz: Float[Array, " k"]
    log_share: Float[Array, " k"] | None = None  # of each draw in an average over them, where that is not 1/K
    kls: Float[Array, "k l"] | None = None  # of each layer given the draws before it, where a closed form is known

    @property
    def log_w(self) -> Float[Array, " k"]:
        """The log-weights."""
        return self.log_px_z + self.log_pz - self.log_qz

    def average(self, values: Float[Array, " k"]) -> Float[Array, ""]:
        """The average over the draws of one value for each."""
        if self.log_share is None:
            return bounds.elbo(values)
        return jnp.sum(times(jnp.exp(self.log_share), at_least_float32(values)))

    def iwae(self) -> Float[Array, ""]:
        """The logarithm of the average weight."""
        if self.log_share is None:
            return bounds.iwae(self.log_w)
        return logsumexp(at_least_float32(self.log_w) + self.log_share)

    def normalized(self) -> Float[Array, " k"]:
        """V = softmax(log w), through which no gradient flows; 0 where a weight is, also where all are."""
        log_w = jax.lax.stop_gradient(self.log_w)
        return jnp.where(log_w == -jnp.inf, 0.0, jax.nn.softmax(log_w))


def log_weights(
    model: Model, x: Example, q: Distribution, z: Latent, *, log_qz: Float[Array, " k"] | None = None
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

    Raises:
        UsageError: one of the three log-densities is not one number for each draw, or x or z has not the shape of what
            it is a value of; or q is a point among densities.

    Source: Burda, Grosse and Salakhutdinov 2015, section 3.
    """

    def one(z_k: Latent) -> tuple[Array, Array]:
        log_px_z, log_pz = log_density("p(x|z)", model.decode(z_k), x), log_density("p(z)", model.prior, z_k)
        return where_possible(log_px_z, log_pz), log_pz

    log_px_z, log_pz = jax.vmap(one)(z)
    check_no_point(q, model.prior)
    if log_qz is None:
        log_qz = jax.vmap(lambda z_k: log_density("q(z|x)", q, z_k))(z)
    check_number("q(z|x)", log_qz[0])
    return Weights(log_px_z, log_pz, log_qz)


def terms(objective: Float[Array, ""], weights: Weights) -> Terms:
    """Report an objective beside the plain ELBO of the same draws."""
    log_px_z, kl = weights.average(weights.log_px_z), weights.average(weights.log_qz - weights.log_pz)
    return elbo_terms(log_px_z, kl)._replace(objective=objective)


def elbo_terms(log_px_z: Float[Array, ""], kl: Float[Array, ""]) -> Terms:
    """The plain ELBO, log p(x|z) - KL, as the objective too."""
    return Terms(log_px_z - kl, log_px_z - kl, log_px_z, kl)


def needed_factors(distribution: Distribution) -> Distribution:
    """The factors of a distribution over a vector that is independent across its dimensions.

    Raises:
        UsageError: it is not, or it is over a matrix, say.
    """
    if (found := factors(distribution)) is None:
        raise UsageError(
            f"{type(distribution).__name__} does not factorize over dimensions, as this objective needs: use another"
        )
    if len(shape := batch_shape(found)) != 1:
        raise UsageError(
            f"this objective is of vectors, found a z of shape {shape}: use another objective, or flatten z"
        )
    return found


def known_or_sampled_kl(q: Distribution, p: Distribution, weights: Weights) -> Float[Array, ""]:
    """KL(q || p) in nats: in closed form where one is known, as a whole or given the draws, else 1/K sum_k log q/p."""
    if (known := closed_form_kl(q, p)) is not None:
        return known
    return weights.average(weights.log_qz - weights.log_pz if weights.kls is None else jnp.sum(weights.kls, axis=-1))


def analytic_kl(q: Distribution, p: Distribution) -> Float[Array, ""]:
    """KL(q || p) in nats, in closed form.

    Raises:
        UsageError: none is known.
    """
    kl = closed_form_kl(q, p)
    if kl is None:
        pair = f"{type(q).__name__} and {type(p).__name__}"
        raise UsageError(
            f'no closed-form KL is known between {pair}: use kl="auto" of the objective elbo, or stl or iwae'
        )
    return kl
