"""Importance-weighted bounds, and what each gives the generator and the recognition model to climb."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from vaex import bounds
from vaex.bounds import with_value
from vaex.losses.arithmetic import times
from vaex.model import Example, Latent, Model
from vaex.objectives.draws import check_support, draw, frozen, weigh_draws
from vaex.objectives.encode import encode
from vaex.objectives.strata import weigh_each
from vaex.objectives.terms import Terms, log_weights, terms


def iwae(key: PRNGKeyArray, model: Model, x: Example, *, num_samples: int = 5) -> Terms:
    """The importance-weighted bound of K draws.

    L_K = log 1/K sum_k w_k,   of a mixture q   log sum_j w_j 1/K sum_k p(x, z_jk) / q(z_jk|x),   z_jk ~ q_j

    Args:
        key: a PRNG key.
        model: a model.
        x: one example.
        num_samples: K; of a mixture q, of each component.

    Returns:
        Terms, in nats; elbo and kl are averages over the same draws.

    Raises:
        OptionError: num_samples below 1.
        UsageError: a q whose draws carry no gradient.

    Source: Burda, Grosse and Salakhutdinov 2015, equation 8; of a mixture, the stratified bound of Morningstar et al.
    2021, automatic differentiation variational inference with mixtures.
    """
    q = encode(model, x)
    w = weigh_each(key, model, x, q, num_samples)
    return terms(w.iwae(), w)


def dreg(key: PRNGKeyArray, model: Model, x: Example, *, num_samples: int = 5) -> Terms:
    """The importance-weighted bound with the doubly reparameterized gradient.

    generator:    sum_k v_k d log w_k / d theta,   v = softmax(log w)
    recognition:  sum_k v_k^2 (d log w_k / d z_k) (d z_k / d phi)

    Unbiased for the gradients of L_K, with a signal-to-noise ratio of the recognition model's that grows with K. The
    second derivative means nothing, since weights and q are frozen.

    Args:
        key: a PRNG key.
        model: a model, whose q(z|x) is a pytree of arrays as numpyro's are.
        x: one example.
        num_samples: K.

    Returns:
        Terms, in nats, with the value of iwae.

    Raises:
        OptionError: num_samples below 1.
        UsageError: a q whose draws carry no gradient, or whose support moves.

    Source: Tucker, Lawson, Gu and Maddison 2018, the estimator for IWAE.
    """
    q = encode(model, x)
    check_support(q)
    z, still = draw(key, q, num_samples), frozen(q)
    v = log_weights(model, x, still, z).normalized()
    w = log_weights(model, x, still, _scale_path(z, v))
    return terms(with_value(bounds.iwae(w.log_w), jnp.sum(times(v, w.log_w))), w)


def renyi(key: PRNGKeyArray, model: Model, x: Example, *, num_samples: int = 5, alpha: float = 0.5) -> Terms:
    """The variational Renyi bound, estimated from K draws.

    L_alpha = 1/(1 - alpha) log 1/K sum_k w_k^(1 - alpha)

    Args:
        key: a PRNG key.
        model: a model.
        x: one example.
        num_samples: K.
        alpha: 0 is iwae, 1 the ELBO; below 0 the expectation may exceed log p(x).

    Returns:
        Terms, in nats.

    Raises:
        OptionError: num_samples below 1, or alpha not finite.
        UsageError: a q whose draws carry no gradient.

    Source: Li and Turner 2016, the VR bound by Monte Carlo.
    """
    q = encode(model, x)
    w = weigh_draws(key, model, x, q, num_samples)
    return terms(bounds.renyi(w.log_w, alpha=alpha), w)


def vr_max(key: PRNGKeyArray, model: Model, x: Example, *, num_samples: int = 5) -> Terms:
    """The limit alpha -> -infinity of the Renyi bound's estimate: the largest log-weight.

    max_k log w_k

    Args:
        key: a PRNG key.
        model: a model.
        x: one example.
        num_samples: K.

    Returns:
        Terms, in nats.

    Raises:
        OptionError: num_samples below 1.
        UsageError: a q whose draws carry no gradient.

    Source: Li and Turner 2016, VR-max.
    """
    q = encode(model, x)
    w = weigh_draws(key, model, x, q, num_samples)
    return terms(jnp.max(w.log_w, axis=0), w)


def _scale_path(z: Latent, factor: Float[Array, " k"]) -> Latent:
    """The same draws, the gradient through each multiplied by its factor."""
    return jax.tree.map(lambda leaf: _scale_gradient(leaf, factor.reshape(-1, *(1,) * (leaf.ndim - 1))), z)


@jax.custom_jvp
def _scale_gradient(leaf: Array, factor: Array) -> Array:
    """The very same array, so that the compiler sees one forward pass where dreg writes two."""
    return leaf


@_scale_gradient.defjvp
def _scale_gradient_jvp(primals: tuple[Array, Array], tangents: tuple[Array, Array]) -> tuple[Array, Array]:
    return primals[0], primals[1] * tangents[0]
