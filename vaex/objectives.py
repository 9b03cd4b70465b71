"""What training maximises: (key, model, x) -> Terms, for one example."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray
from numpyro.distributions import kl_divergence

from vaex import bounds
from vaex.model import Distribution, Latent, Model


class Terms(NamedTuple):
    """An objective and what it is made of, for one example, in nats."""

    objective: Float[Array, "*batch"]  # what is maximised
    elbo: Float[Array, "*batch"]  # the plain bound, never weighted: comparable across objectives
    log_px_z: Float[Array, "*batch"]  # E_q[log p(x|z)]
    kl: Float[Array, "*batch"]  # KL(q(z|x) || p(z))


Objective = Callable[..., Terms]  # (key, model, x, *, ...) -> Terms
# A loss sees the whole batch, so that objectives that need one fit as well: (key, model, batch) -> (loss, metrics).
BatchLoss = Callable[[PRNGKeyArray, Model, Any], tuple[Float[Array, ""], dict[str, Float[Array, ""]]]]


class Weights(NamedTuple):
    """The log-weights of K draws and their three parts, each [K], in nats."""

    log_px_z: Float[Array, " k"]
    log_pz: Float[Array, " k"]
    log_qz: Float[Array, " k"]

    @property
    def log_w(self) -> Float[Array, " k"]:
        return self.log_px_z + self.log_pz - self.log_qz


def log_weights(model: Model, x: Any, q: Distribution, z: Latent) -> Weights:
    """The log-weights of draws from q(z|x).

    log w_k = log p(x|z_k) + log p(z_k) - log q(z_k|x)

    Args:
        model: a model.
        x: one example.
        q: the distribution that z was drawn from, q(z|x).
        z: K draws, with a leading axis of K.

    Returns:
        The weights' parts, each [K].

    Source: Burda, Grosse and Salakhutdinov 2015, section 3.
    """

    def one(z_k: Latent) -> Weights:
        return Weights(model.decode(z_k).log_prob(x), model.prior.log_prob(z_k), q.log_prob(z_k))

    return jax.vmap(one)(z)


def elbo(
    key: PRNGKeyArray, model: Model, x: Any, *, num_samples: int = 1, kl: str = "analytic", beta: float = 1.0
) -> Terms:
    """The evidence lower bound, averaged over L draws.

    kl="analytic": ELBO = 1/L sum_l log p(x|z_l) - KL(q(z|x) || p(z))
    kl="sampled":  ELBO = 1/L sum_l log p(x|z_l) + log p(z_l) - log q(z_l|x)

    Args:
        key: a PRNG key.
        model: a model.
        x: one example.
        num_samples: L.
        kl: "analytic" for the closed form, "sampled" for an estimate from the same draws.
        beta: weight of the KL in the objective; the reported elbo is never weighted.

    Returns:
        Terms, in nats.

    Raises:
        ValueError: num_samples below 1, another `kl`, or a closed form that does not exist.

    Source: Kingma and Welling 2013, equation 7 (SGVB-B) and 6 (SGVB-A); beta as in Higgins et al. 2017, equation 4.
    """
    _check_num_samples(num_samples)
    if kl not in ("analytic", "sampled"):
        raise ValueError(f'kl is {kl!r}: expected "analytic" or "sampled"')
    q = model.encode(x)
    w = log_weights(model, x, q, q.sample(key, (num_samples,)))
    log_px_z = bounds.elbo(w.log_px_z)
    divergence = _analytic_kl(q, model.prior) if kl == "analytic" else bounds.elbo(w.log_qz - w.log_pz)
    return Terms(log_px_z - beta * divergence, log_px_z - divergence, log_px_z, divergence)


def iwae(key: PRNGKeyArray, model: Model, x: Any, *, num_samples: int = 5) -> Terms:
    """The importance-weighted bound of K draws.

    L_K = log 1/K sum_k w_k

    Args:
        key: a PRNG key.
        model: a model.
        x: one example.
        num_samples: K.

    Returns:
        Terms, in nats; elbo and kl are averages over the same draws.

    Raises:
        ValueError: num_samples below 1.

    Source: Burda, Grosse and Salakhutdinov 2015, equation 8.
    """
    _check_num_samples(num_samples)
    q = model.encode(x)
    w = log_weights(model, x, q, q.sample(key, (num_samples,)))
    log_px_z, kl = bounds.elbo(w.log_px_z), bounds.elbo(w.log_qz - w.log_pz)
    return Terms(bounds.iwae(w.log_w), log_px_z - kl, log_px_z, kl)


def stl(key: PRNGKeyArray, model: Model, x: Any, *, num_samples: int = 1) -> Terms:
    """The ELBO whose gradient "sticks the landing": exactly zero for every draw where q(z|x) is the posterior.

    1/L sum_l log p(x|z_l) + log p(z_l) - log q(z_l|x),   the parameters of the last q frozen, z_l still moving with q

    The frozen term's gradient, the score of q, has mean zero: the estimator stays unbiased.

    Args:
        key: a PRNG key.
        model: a model, whose q(z|x) is a pytree of arrays as numpyro's are.
        x: one example.
        num_samples: L.

    Returns:
        Terms, in nats, with the value of the ELBO with the sampled KL.

    Raises:
        ValueError: num_samples below 1.

    Source: Roeder, Wu and Duvenaud 2017, equation 8 and algorithm 1.
    """
    _check_num_samples(num_samples)
    q = model.encode(x)
    w = log_weights(model, x, jax.lax.stop_gradient(q), q.sample(key, (num_samples,)))
    log_px_z, kl = bounds.elbo(w.log_px_z), bounds.elbo(w.log_qz - w.log_pz)
    return Terms(log_px_z - kl, log_px_z - kl, log_px_z, kl)


def batch_loss(objective: Objective) -> BatchLoss:
    """The mean over a batch of minus an objective: what a train step minimises.

    loss = -1/M sum_i objective(x_i)

    Args:
        objective: (key, model, x) -> Terms.

    Returns:
        (key, model, batch) -> (loss, metrics), both in nats per example; metrics are the means of Terms' fields.

    Source: Kingma and Welling 2013, equation 8, per example.
    """

    def loss(key: PRNGKeyArray, model: Model, batch: Float[Array, "m ..."]):
        keys = jax.random.split(key, batch.shape[0])
        terms = jax.tree.map(jnp.mean, jax.vmap(lambda k, x: objective(k, model, x))(keys, batch))
        return -terms.objective, terms._asdict()

    return loss


def _analytic_kl(q: Distribution, p: Distribution) -> Float[Array, ""]:
    try:
        return kl_divergence(q, p)  # pyright: ignore[reportArgumentType]
    except NotImplementedError:
        pair = f"{type(q).__name__} and {type(p).__name__}"
        raise ValueError(f'no closed-form KL is known between {pair}: use kl="sampled"') from None


def _check_num_samples(num_samples: int) -> None:
    if num_samples < 1:
        raise ValueError(f"num_samples is {num_samples}: expected at least 1 draw from q(z|x)")
